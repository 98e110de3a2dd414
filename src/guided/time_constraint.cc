#include "guided/time_constraint.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

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
    : form_(std::move(form)), walk_(TimeState(form_), tokens, tokenizer, stop_tokens, after) {}

std::vector<int32_t> TimeConstraint::forced() const {
  if (walk_.waits()) return {};
  TimeState state = walk_.state();
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
  const text::Tokenizer& tokenizer = walk_.tokenizer();
  std::vector<int32_t> common = tokenizer.encode(words, text::Specials::kAsText);
  for (const char byte : next) {
    if (static_cast<unsigned char>(byte) >= 0x80) continue;  // a part of a character
    const auto with = tokenizer.encode(words + byte, text::Specials::kAsText);
    const auto parted = std::mismatch(common.begin(), common.end(), with.begin(), with.end());
    common.erase(parted.first, common.end());
  }
  return common;
}

}  // namespace shijian::guided
