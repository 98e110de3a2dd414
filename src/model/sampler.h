// Chooses the next token from logits.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace shijian::model {

struct SamplerOptions {
  double temperature = 0;         // 0: greedy
  int64_t top_k = 0;              // 0: all
  double top_p = 1;               // in [0, 1]; 0: the best alone
  double repetition_penalty = 1;  // > 0; over prompt and generated tokens
  double presence_penalty = 0;    // over generated tokens alone
  uint64_t seed = 0;
  int64_t min_tokens = 0;    // no stop token before that many tokens
  int64_t top_logprobs = 0;  // how many alternatives each choice reports
};

struct TokenLogprob {
  int32_t token = 0;
  float logprob = 0;
};

struct TokenChoice {
  int32_t token = 0;
  float logprob = 0;              // under the model's own distribution, before any penalty
  std::vector<TokenLogprob> top;  // the most probable tokens of that distribution, best first
};

// Changes scores [vocab] before a token is chosen: minus infinity bans one (constrained
// generation).
using ScoreEdit = std::function<void(std::span<float> scores)>;

// Throws Error(kUsage) naming the first option that is out of range.
void check_sampling(const SamplerOptions& options);

// The state of one generation. The order of steps is the references': repetition penalty, presence
// penalty, minimum length, the caller's edit, then temperature, top-k, top-p. Draws come from a
// counter-based generator: seed and step alone decide them, on any machine.
class Sampler {
 public:
  // Throws as check_sampling() does. `prompt` and `stop_tokens` hold tokens below `vocab`.
  Sampler(const SamplerOptions& options, int64_t vocab, std::span<const int32_t> prompt,
          std::span<const int32_t> stop_tokens);

  // logits: [vocab]. Among equal scores the lower token comes first.
  // Throws Error: kInvalid when a logit is not a number, kInternal when the edit bans every token.
  TokenChoice choose(std::span<const float> logits, const ScoreEdit& edit = {});

  // A token that was not chosen here comes next; penalties count it.
  void accept(int32_t token);

 private:
  void apply_penalties();
  int32_t best() const;
  int32_t draw();

  SamplerOptions options_;
  std::vector<int32_t> stop_;
  std::vector<uint8_t> in_prompt_;  // [vocab]
  std::vector<uint8_t> generated_;  // [vocab]
  std::vector<float> scores_;       // [vocab]
  std::vector<int32_t> order_;      // scratch: tokens, best first
  int64_t steps_ = 0;
};

// Number in [0, 1) with 53 random bits that (seed, counter) determine.
double uniform_at(uint64_t seed, uint64_t counter);

}  // namespace shijian::model
