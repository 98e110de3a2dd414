#include "guided/json_constraint.h"

#include <utility>

#include "base/error.h"

namespace shijian::guided {

JsonConstraint::JsonConstraint(std::shared_ptr<const AnswerForm> form, const TokenOrder& tokens,
                               const text::Tokenizer& tokenizer,
                               std::span<const int32_t> stop_tokens, std::optional<int32_t> after)
    : form_(std::move(form)), walk_(AnswerState(*form_), tokens, tokenizer, stop_tokens, after) {
  if (!form_->calls()) return;
  for (const auto& [mark, token] :
       {std::pair<const char*, int32_t*>{"<tool_call>", &call_}, {"</tool_call>", &call_end_}}) {
    const auto id = tokenizer.token_id(mark);
    if (!id || !tokenizer.is_added(*id)) {
      throw Error(ErrorCode::kUnsupported,
                  "force a call: the model's tokenizer has no token {}"_text(mark),
                  "leave the choice to the model: \"tool_choice\": \"auto\""_text);
    }
    *token = *id;
  }
}

void JsonConstraint::take(int32_t token) {
  const auto mark = mark_token();
  if (!mark) return walk_.take(token);
  CHECK(token == *mark, "token {} was not allowed", token);
  walk_.state().push_mark();
}

void JsonConstraint::edit(std::span<float> scores) {
  const auto mark = mark_token();
  if (!mark) return walk_.edit(scores);
  keep_only({&*mark, 1}, scores);
}

std::optional<int32_t> JsonConstraint::mark_token() const {
  const AnswerState::Mark mark = walk_.state().mark();
  if (walk_.waits() || mark == AnswerState::Mark::kNone) return std::nullopt;
  return mark == AnswerState::Mark::kCall ? call_ : call_end_;
}

}  // namespace shijian::guided
