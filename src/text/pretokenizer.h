// The pre-tokeniser: splits text into words by the regular expression of tokenizer.json.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace shijian::text {

// Qwen's expression, for vocabularies that come without tokenizer.json.
extern const std::string_view kQwenSplitPattern;

// Immutable; safe to use from many threads.
class PreTokenizer {
 public:
  // `file` stands in messages. Throws Error(kInvalid) for an expression that does not compile.
  PreTokenizer(std::string_view pattern, std::string_view file);

  // Calls `word` with every match and every gap between matches, in order; together they are the
  // text, which must be valid UTF-8. Throws Error(kInvalid) when an expression that the file
  // brought along needs more steps or memory than reasonable ones do.
  void split(std::string_view text, const std::function<void(std::string_view)>& word) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace shijian::text
