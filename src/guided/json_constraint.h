// Keeps a generation to the answers of a form, by banning every token that leaves it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "guided/answer_form.h"
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

 private:
  std::vector<Entry> entries_;
};

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
  void advance(int32_t token);
  int32_t mark_token() const;  // of the mark that has to come
  void allow_next();

  std::shared_ptr<const AnswerForm> form_;
  const TokenOrder& tokens_;
  text::Tokenizer tokenizer_;
  std::vector<int32_t> stop_tokens_;
  std::optional<int32_t> after_;
  int32_t call_ = -1, call_end_ = -1;  // the tokens of the marks
  AnswerState state_;
  std::vector<int32_t> allowed_;  // in state allowed_in_
  std::optional<AnswerState> allowed_in_;
};

}  // namespace shijian::guided
