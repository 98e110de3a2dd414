// The tokens of a vocabulary by their bytes, and which of them an answer may go on with.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace shijian::guided {

// The tokens of a vocabulary in the order of their bytes; added tokens, which are control or markup
// and not words, are left out. Immutable.
class TokenOrder {
 public:
  explicit TokenOrder(const text::Tokenizer& tokenizer);

  struct Entry {
    std::string_view bytes;  // of the tokenizer, which outlives this
    int32_t id = 0;
    uint32_t shared = 0;  // bytes that it has in common with the entry before
  };
  const std::vector<Entry>& entries() const { return entries_; }

  // Appends every token that may follow `state`, which has push(byte): whether an answer goes on
  // with it. Tokens are walked in order, so that what they have in common is looked at once.
  template <class State>
  void append_allowed(const State& state, std::vector<int32_t>& allowed) const {
    std::vector<State> after = {state};  // [bytes of the token that are let through]
    for (const Entry& entry : entries_) {
      if (entry.shared >= after.size()) continue;  // it begins like one that was refused
      after.erase(after.begin() + entry.shared + 1, after.end());
      for (const char byte : entry.bytes.substr(entry.shared)) {
        State next = after.back();
        if (!next.push(static_cast<uint8_t>(byte))) break;
        after.push_back(next);
      }
      if (after.size() == entry.bytes.size() + 1) allowed.push_back(entry.id);
    }
  }

 private:
  std::vector<Entry> entries_;
};

// Sets scores [vocab] of all tokens but `allowed` to minus infinity.
void keep_only(std::span<const int32_t> allowed, std::span<float> scores);

}  // namespace shijian::guided
