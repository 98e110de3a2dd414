#include "guided/time_constraint.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace shijian::guided {
namespace {

// The bytes that an answer may go on with; none where it may also end.
std::string next_bytes(const TimeState& state) {
  std::string bytes;
  if (state.complete()) return bytes;
  for (int byte = 0; byte < 256; ++byte) {
    TimeState after = state;
    if (after.push(static_cast<uint8_t>(byte))) bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

// A byte of a character beyond ASCII that is not its first.
bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

constexpr std::string_view kDigits = "0123456789";

}  // namespace

TimeConstraint::TimeConstraint(TimeForm form, const TokenOrder& tokens,
                               const text::Tokenizer& tokenizer,
                               std::span<const int32_t> stop_tokens, std::optional<int32_t> after)
    : form_(std::move(form)),
      tokens_(tokens),
      tokenizer_(tokenizer),
      stop_tokens_(stop_tokens.begin(), stop_tokens.end()),
      after_(after),
      state_(form_) {}

void TimeConstraint::take(int32_t token) {
  if (after_) {
    if (token == *after_) after_.reset();
    return;
  }
  for (const char byte : tokenizer_.token_bytes(token)) {
    CHECK(state_.push(static_cast<uint8_t>(byte)), "token {} was not allowed", token);
  }
}

void TimeConstraint::edit(std::span<float> scores) {
  if (after_) return;
  if (!allowed_in_ || !(*allowed_in_ == state_)) {
    allowed_in_ = state_;
    allowed_.clear();
    if (state_.complete()) allowed_ = stop_tokens_;
    tokens_.append_allowed(state_, allowed_);
  }
  keep_only(allowed_, scores);
}

std::vector<int32_t> TimeConstraint::forced() const {
  if (after_) return {};
  TimeState state = state_;
  std::string words;
  std::string next = next_bytes(state);
  while (next.size() == 1 && kDigits.find(next[0]) == kDigits.npos) {
    words += next[0];
    state.push(static_cast<uint8_t>(next[0]));
    next = next_bytes(state);
  }
  // The tokenizer encodes whole characters alone.
  if (words.empty() || continues(words.front())) return {};
  if (!next.empty() && continues(next.front())) {
    while (continues(words.back())) words.pop_back();
    words.pop_back();
    next.clear();
  }
  // A token may reach from these words into what follows: only those stay that come whatever does.
  std::vector<int32_t> common = tokenizer_.encode(words, text::Specials::kAsText);
  for (const char byte : next) {
    if (static_cast<unsigned char>(byte) >= 0x80) continue;  // a part of a character
    const auto with = tokenizer_.encode(words + byte, text::Specials::kAsText);
    const auto parted = std::mismatch(common.begin(), common.end(), with.begin(), with.end());
    common.erase(parted.first, common.end());
  }
  return common;
}

}  // namespace shijian::guided
