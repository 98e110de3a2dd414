#include "grounding/confidence.h"

#include <algorithm>
#include <cmath>

#include "grounding/slot_stamps.h"

namespace shijian::grounding {

namespace {

// An uncertainty holds so much of what is likely: 1.645 standard deviations of a normal
// distribution, 0.45 of the width of an even one, to either side.
constexpr double kDeviations = 1.645;
constexpr double kWithin = 0.45;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Bytes of `range` that carry its value: the digits, or all of it where they are written as words
// (五秒).
std::vector<size_t> value_bytes(std::string_view text, TextRange range) {
  std::vector<size_t> bytes;
  range.end = std::min(range.end, text.size());
  for (size_t i = range.begin; i < range.end; ++i) {
    if (is_digit(text[i])) bytes.push_back(i);
  }
  if (bytes.empty()) {
    for (size_t i = range.begin; i < range.end; ++i) bytes.push_back(i);
  }
  return bytes;
}

class TokenMap {
 public:
  explicit TokenMap(std::span<const GeneratedToken> tokens) : tokens_(tokens) {
    starts_.reserve(tokens.size());
    size_t at = 0;
    for (const GeneratedToken& token : tokens) {
      starts_.push_back(at);
      at += token.bytes.size();
    }
    size_ = at;
  }
  // Index of the token that holds byte `at`; -1 past the end.
  ptrdiff_t find(size_t at) const {
    if (at >= size_) return -1;
    // The last of the tokens that start at or before it: empty tokens before it are passed over.
    return std::upper_bound(starts_.begin(), starts_.end(), at) - starts_.begin() - 1;
  }
  const GeneratedToken& operator[](ptrdiff_t i) const { return tokens_[i]; }

 private:
  std::span<const GeneratedToken> tokens_;
  std::vector<size_t> starts_;
  size_t size_ = 0;
};

// Variance of one digit over the digits among its alternatives; negative without alternatives.
double digit_variance(const GeneratedToken& token) {
  double weight = 0, mean = 0, square = 0;
  for (const TokenAlternative& choice : token.top) {
    if (choice.bytes.size() != 1 || !is_digit(choice.bytes[0])) continue;
    const double p = std::exp(std::min(choice.logprob, 0.0));
    const double digit = choice.bytes[0] - '0';
    weight += p;
    mean += p * digit;
    square += p * digit * digit;
  }
  if (!(weight > 0)) return -1;
  mean /= weight;
  return std::max(0.0, square / weight - mean * mean);
}

// `value` is the event's boundary: a boundary that was mended or scaled by a unit has none.
std::optional<double> uncertainty(std::string_view text, TextRange range, double value,
                                  const TokenMap& map) {
  range.end = std::min(range.end, text.size());
  if (range.empty()) return std::nullopt;
  std::string_view written = text.substr(range.begin, range.end - range.begin);
  const size_t first = written.find_first_of("0123456789");
  const size_t last = written.find_last_of("0123456789");
  if (first == std::string_view::npos) return std::nullopt;
  written = written.substr(first, last - first + 1);
  if (written.find_first_not_of("0123456789.:") != std::string_view::npos) return std::nullopt;
  // Place values from the right: a fraction, then seconds, then sixty times more for each colon.
  const size_t point = written.find('.');
  const std::string_view whole = written.substr(0, point);
  double variance = 0, read_back = 0;
  const auto add_digit = [&](size_t at, double place) {
    const ptrdiff_t token = map.find(range.begin + first + at);
    if (token < 0 || map[token].bytes.size() != 1) return false;
    const double own = digit_variance(map[token]);
    if (own < 0) return false;
    variance += place * place * own;
    read_back += place * (written[at] - '0');
    return true;
  };
  double place = 1, field = 1;
  for (size_t i = whole.size(); i-- > 0;) {
    if (whole[i] == ':') {
      field *= 60;
      place = field;
      continue;
    }
    if (!add_digit(i, place)) return std::nullopt;
    place *= 10;
  }
  place = 0.1;
  for (size_t i = whole.size() + 1; i < written.size(); ++i, place /= 10) {
    if (!is_digit(written[i]) || !add_digit(i, place)) return std::nullopt;
  }
  if (std::abs(read_back - value) > 1e-6) return std::nullopt;
  return kDeviations * std::sqrt(variance);
}

}  // namespace

void set_confidence(std::span<Event> events, std::string_view text,
                    std::span<const GeneratedToken> tokens, double trust) {
  if (tokens.empty()) return;
  const TokenMap map(tokens);
  for (Event& event : events) {
    std::vector<ptrdiff_t> used;
    for (const TextRange& range : {event.start_range, event.end_range}) {
      for (size_t byte : value_bytes(text, range)) used.push_back(map.find(byte));
    }
    std::sort(used.begin(), used.end());
    used.erase(std::unique(used.begin(), used.end()), used.end());
    std::erase(used, -1);
    if (used.empty()) continue;
    double sum = 0;
    for (ptrdiff_t token : used) sum += std::min(map[token].logprob, 0.0);
    const double confidence = std::exp(sum / static_cast<double>(used.size()));
    if (!std::isfinite(confidence)) continue;
    event.confidence = std::clamp(confidence, 0.0, std::clamp(trust, 0.0, 1.0));
    event.evidence = Evidence{std::min(confidence, 1.0), {}, 1, std::clamp(trust, 0.0, 1.0), {}};
    event.start_uncertainty = uncertainty(text, event.start_range, event.start, map);
    event.end_uncertainty = uncertainty(text, event.end_range, event.end, map);
  }
}

std::optional<double> presence(std::span<const Event> events, std::string_view text,
                               std::span<const GeneratedToken> tokens) {
  if (tokens.empty()) return std::nullopt;
  constexpr std::string_view kThought = "</think>";
  const size_t thought = text.rfind(kThought);
  const size_t begin = thought == std::string_view::npos ? 0 : thought + kThought.size();
  size_t end = text.size();
  for (const Event& event : events) {
    if (!event.start_range.empty()) end = std::min(end, event.start_range.begin);
  }
  double sum = 0;
  size_t at = 0;
  for (const GeneratedToken& token : tokens) {
    if (at >= begin && at < end) sum += std::min(token.logprob, 0.0);
    at += token.bytes.size();
  }
  const double said = std::exp(sum);
  return events.empty() ? 1 - said : said;
}

void add_sampling_uncertainty(std::span<Event> events, std::span<const double> slot_times) {
  if (slot_times.size() < 2) return;
  const auto add = [&](double time, std::optional<double>* uncertainty) {
    const double gap = slot_gap(slot_times, time);
    const double own = uncertainty->value_or(0);
    *uncertainty = std::hypot(own, kWithin * gap);
  };
  for (Event& event : events) {
    add(event.start, &event.start_uncertainty);
    add(event.end, &event.end_uncertainty);
  }
}

}  // namespace shijian::grounding
