// Keeps a generation to the answers of a form, by banning every token that leaves it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "guided/answer_form.h"
#include "guided/token_walk.h"
#include "text/tokenizer.h"

namespace shijian::guided {

// One generation. `tokens` outlives it.
class JsonConstraint {
 public:
  // The answer begins with the first token or, where `after` is given, follows the first such
  // token. `stop_tokens` are let through when it is complete. Error(kUnsupported) for calls with a
  // tokenizer that has no tokens for their marks.
  JsonConstraint(std::shared_ptr<const AnswerForm> form, const TokenOrder& tokens,
                 const text::Tokenizer& tokenizer, std::span<const int32_t> stop_tokens,
                 std::optional<int32_t> after = {});

  // A token was generated: one that edit() had left, unless the answer waits for `after`.
  void take(int32_t token);
  // Bans every token that may not come next. scores: [vocab].
  void edit(std::span<float> scores);

 private:
  std::optional<int32_t> mark_token() const;  // of the mark that has to come, if one has

  std::shared_ptr<const AnswerForm> form_;
  TokenWalk<AnswerState> walk_;
  int32_t call_ = -1, call_end_ = -1;  // the tokens of the marks
};

}  // namespace shijian::guided
