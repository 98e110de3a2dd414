// A generation that is kept to a form: what it wrote so far, and which tokens may come next.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "guided/token_order.h"
#include "text/tokenizer.h"

namespace shijian::guided {

// State is a partial answer with push(byte): whether an answer goes on with it, complete() and ==.
// `tokens` outlives the walk.
template <class State>
class TokenWalk {
 public:
  // The answer begins with the first token or, where `after` is given, follows the first such
  // token. `stop_tokens` are let through when it is complete.
  TokenWalk(State start, const TokenOrder& tokens, const text::Tokenizer& tokenizer,
            std::span<const int32_t> stop_tokens, std::optional<int32_t> after)
      : state_(std::move(start)),
        tokens_(tokens),
        tokenizer_(tokenizer),
        stop_tokens_(stop_tokens.begin(), stop_tokens.end()),
        after_(after) {}

  bool waits() const { return after_.has_value(); }  // for `after`: nothing is banned
  State& state() { return state_; }
  const State& state() const { return state_; }
  const text::Tokenizer& tokenizer() const { return tokenizer_; }

  // A token was generated: one that edit() had left, unless the answer waits.
  void take(int32_t token) {
    if (after_) {
      if (token == *after_) after_.reset();
      return;
    }
    for (const char byte : tokenizer_.token_bytes(token)) {
      CHECK(state_.push(static_cast<uint8_t>(byte)), "token {} was not allowed", token);
    }
  }

  // Bans every token that may not come next. scores: [vocab].
  void edit(std::span<float> scores) {
    if (after_) return;
    if (!allowed_in_ || !(*allowed_in_ == state_)) {
      allowed_in_ = state_;
      allowed_.clear();
      if (state_.complete()) allowed_ = stop_tokens_;
      tokens_.append_allowed(state_, allowed_);
    }
    keep_only(allowed_, scores);
  }

 private:
  State state_;
  const TokenOrder& tokens_;
  text::Tokenizer tokenizer_;
  std::vector<int32_t> stop_tokens_;
  std::optional<int32_t> after_;
  std::vector<int32_t> allowed_;  // in state allowed_in_
  std::optional<State> allowed_in_;
};

}  // namespace shijian::guided
