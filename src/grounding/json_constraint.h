// Keeps a generation to the texts of a JSON grammar, by banning every token that leaves it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "grounding/json_grammar.h"
#include "model/sampler.h"
#include "text/tokenizer.h"

namespace shijian {

// The tokens of a vocabulary in the order of their bytes; added tokens, which are control or markup
// and not words, are left out. Immutable.
class TokenOrder {
 public:
  explicit TokenOrder(const Tokenizer& tokenizer);

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
  // JSON begins with the first token or, where `after` is given, follows the first such token.
  // `stop_tokens` are let through when the JSON is complete, and nothing else is.
  JsonConstraint(std::shared_ptr<const JsonGrammar> grammar, const TokenOrder& tokens,
                 const Tokenizer& tokenizer, std::span<const int32_t> stop_tokens,
                 std::optional<int32_t> after = {});

  // GenerateOptions::constrain. scores: [vocab].
  void edit(std::span<const TokenChoice> so_far, std::span<float> scores);

 private:
  void allow_next();

  std::shared_ptr<const JsonGrammar> grammar_;
  const TokenOrder& tokens_;
  Tokenizer tokenizer_;
  std::vector<int32_t> stop_tokens_;
  std::optional<int32_t> after_;
  JsonState state_;
  size_t seen_ = 0;               // tokens
  std::vector<int32_t> allowed_;  // in state allowed_in_
  std::optional<JsonState> allowed_in_;
};

}  // namespace shijian
