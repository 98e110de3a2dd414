#include "guided/json_constraint.h"

#include <utility>

#include "base/error.h"

namespace shijian::guided {

JsonConstraint::JsonConstraint(std::shared_ptr<const AnswerForm> form, const TokenOrder& tokens,
                               const text::Tokenizer& tokenizer,
                               std::span<const int32_t> stop_tokens, std::optional<int32_t> after)
    : form_(std::move(form)),
      tokens_(tokens),
      tokenizer_(tokenizer),
      stop_tokens_(stop_tokens.begin(), stop_tokens.end()),
      after_(after),
      state_(*form_) {
  if (!form_->calls()) return;
  for (const auto& [mark, token] :
       {std::pair<const char*, int32_t*>{"<tool_call>", &call_}, {"</tool_call>", &call_end_}}) {
    const auto id = tokenizer_.token_id(mark);
    if (!id || !tokenizer_.is_added(*id)) {
      throw Error(ErrorCode::kUnsupported,
                  "force a call: the model's tokenizer has no token {}"_text(mark),
                  "leave the choice to the model: \"tool_choice\": \"auto\""_text);
    }
    *token = *id;
  }
}

void JsonConstraint::take(int32_t token) {
  if (!after_) return advance(token);
  if (token == *after_) after_.reset();
}

void JsonConstraint::edit(std::span<float> scores) {
  if (after_) return;
  if (!allowed_in_ || !(*allowed_in_ == state_)) allow_next();
  keep_only(allowed_, scores);
}

void JsonConstraint::advance(int32_t token) {
  if (state_.mark() != AnswerState::Mark::kNone) {
    CHECK(token == mark_token(), "token {} was not allowed", token);
    state_.push_mark();
    return;
  }
  for (const char byte : tokenizer_.token_bytes(token)) {
    CHECK(state_.push(static_cast<uint8_t>(byte)), "token {} was not allowed", token);
  }
}

int32_t JsonConstraint::mark_token() const {
  return state_.mark() == AnswerState::Mark::kCall ? call_ : call_end_;
}

void JsonConstraint::allow_next() {
  allowed_in_ = state_;
  allowed_.clear();
  if (state_.mark() != AnswerState::Mark::kNone) {
    allowed_ = {mark_token()};
    return;
  }
  if (state_.complete()) allowed_ = stop_tokens_;
  tokens_.append_allowed(state_, allowed_);
}

}  // namespace shijian::guided
