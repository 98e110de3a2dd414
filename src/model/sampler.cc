#include "model/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/splitmix.h"

namespace shijian::model {

namespace {

constexpr float kBanned = -std::numeric_limits<float>::infinity();

// Orders tokens by score, best first, the lower token first among equals.
struct Better {
  const float* scores;
  bool operator()(int32_t a, int32_t b) const {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  }
};

// log(sum(exp(logits))).
double log_sum_exp(std::span<const float> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float x : logits) sum += std::exp(static_cast<double>(x) - largest);
  return largest + std::log(sum);
}

}  // namespace

double uniform_at(uint64_t seed, uint64_t counter) {
  const uint64_t bits = scatter64(splitmix64(seed) ^ scatter64(counter * 0xd1342543de82ef95 + 1));
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

void check_sampling(const SamplerOptions& o) {
  const auto require = [](bool good, const char* name, double value, const Text& range) {
    if (!good)
      throw Error(ErrorCode::kUsage, "sampling: {} is {}"_text(name, value),
                  "{} has to be {}"_text(name, range));
  };
  // Written so that NaN fails too.
  require(o.temperature >= 0 && o.temperature <= 100, "temperature", o.temperature,
          "from 0 to 100"_text);
  require(o.top_k >= 0, "top_k", static_cast<double>(o.top_k), "0 (off) or more"_text);
  require(o.top_p >= 0 && o.top_p <= 1, "top_p", o.top_p, "from 0 to 1"_text);
  require(o.repetition_penalty >= 0.01 && o.repetition_penalty <= 100, "repetition_penalty",
          o.repetition_penalty, "from 0.01 to 100"_text);
  require(o.presence_penalty >= -100 && o.presence_penalty <= 100, "presence_penalty",
          o.presence_penalty, "from -100 to 100"_text);
  require(o.min_tokens >= 0, "min_tokens", static_cast<double>(o.min_tokens), "0 or more"_text);
  require(o.top_logprobs >= 0 && o.top_logprobs <= 1000, "top_logprobs",
          static_cast<double>(o.top_logprobs), "from 0 to 1000"_text);
}

Sampler::Sampler(const SamplerOptions& options, int64_t vocab, std::span<const int32_t> prompt,
                 std::span<const int32_t> stop_tokens)
    : options_(options), stop_(stop_tokens.begin(), stop_tokens.end()) {
  check_sampling(options);
  CHECK(vocab > 0);
  const auto size = static_cast<size_t>(vocab);
  in_prompt_.resize(size);
  generated_.resize(size);
  scores_.resize(size);
  for (int32_t token : prompt) in_prompt_.at(static_cast<size_t>(token)) = 1;
}

void Sampler::apply_penalties() {
  if (options_.repetition_penalty != 1) {
    const auto penalty = static_cast<float>(options_.repetition_penalty);
    for (size_t i = 0; i < scores_.size(); ++i) {
      if (in_prompt_[i] || generated_[i])
        scores_[i] = scores_[i] < 0 ? scores_[i] * penalty : scores_[i] / penalty;
    }
  }
  if (options_.presence_penalty != 0) {
    for (size_t i = 0; i < scores_.size(); ++i) {
      if (generated_[i]) scores_[i] -= static_cast<float>(options_.presence_penalty);
    }
  }
  if (steps_ < options_.min_tokens) {
    for (int32_t token : stop_) scores_.at(static_cast<size_t>(token)) = kBanned;
  }
}

int32_t Sampler::best() const {
  return static_cast<int32_t>(std::max_element(scores_.begin(), scores_.end()) - scores_.begin());
}

int32_t Sampler::draw() {
  const Better better{scores_.data()};
  order_.clear();
  for (size_t i = 0; i < scores_.size(); ++i) {
    if (scores_[i] != kBanned) order_.push_back(static_cast<int32_t>(i));
  }
  if (options_.top_k > 0 && options_.top_k < static_cast<int64_t>(order_.size())) {
    const auto last = order_.begin() + (options_.top_k - 1);
    std::nth_element(order_.begin(), last, order_.end(), better);
    // As the references do, scores equal to the last one stay too.
    const float least = scores_[static_cast<size_t>(*last)];
    order_.erase(std::remove_if(last + 1, order_.end(),
                                [&](int32_t t) { return scores_[static_cast<size_t>(t)] < least; }),
                 order_.end());
  }
  std::sort(order_.begin(), order_.end(), better);
  const double largest = scores_[static_cast<size_t>(order_.front())];
  const auto weight = [&](int32_t token) {
    return std::exp((scores_[static_cast<size_t>(token)] - largest) / options_.temperature);
  };
  double total = 0;
  for (int32_t token : order_) total += weight(token);
  if (options_.top_p < 1) {
    // A token stays while those before it hold less than top_p, the first in any case.
    double before = 0;
    size_t kept = 0;
    while (kept < order_.size() && (kept == 0 || before < options_.top_p * total))
      before += weight(order_[kept++]);
    order_.resize(kept);
    total = before;
  }
  double left = uniform_at(options_.seed, static_cast<uint64_t>(steps_)) * total;
  for (int32_t token : order_) {
    left -= weight(token);
    if (left < 0) return token;
  }
  return order_.back();
}

TokenChoice Sampler::choose(std::span<const float> logits, const ScoreEdit& edit) {
  CHECK(logits.size() == scores_.size(), "{} logits of {}", logits.size(), scores_.size());
  const double norm = log_sum_exp(logits);
  if (!std::isfinite(norm))
    throw Error(ErrorCode::kInvalid, "choose token {}: the logits are not finite"_text(steps_),
                "the weights may be damaged; compare the files with their source"_text);
  std::copy(logits.begin(), logits.end(), scores_.begin());
  apply_penalties();
  if (edit) edit(scores_);
  TokenChoice choice;
  choice.token = best();
  if (scores_[static_cast<size_t>(choice.token)] == kBanned)
    throw Error(ErrorCode::kInternal, "choose token {}: every token is banned"_text(steps_));
  if (options_.temperature > 0) choice.token = draw();

  const auto logprob = [&](int32_t token) {
    return static_cast<float>(logits[static_cast<size_t>(token)] - norm);
  };
  choice.logprob = logprob(choice.token);
  if (options_.top_logprobs > 0) {
    order_.resize(logits.size());
    std::iota(order_.begin(), order_.end(), 0);
    const auto count = std::min<size_t>(static_cast<size_t>(options_.top_logprobs), order_.size());
    std::partial_sort(order_.begin(), order_.begin() + static_cast<int64_t>(count), order_.end(),
                      Better{logits.data()});
    for (size_t i = 0; i < count; ++i) choice.top.push_back({order_[i], logprob(order_[i])});
  }
  accept(choice.token);
  return choice;
}

void Sampler::accept(int32_t token) {
  generated_.at(static_cast<size_t>(token)) = 1;
  ++steps_;
}

}  // namespace shijian::model
