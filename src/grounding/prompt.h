// From a question to the text of the user's turn: prompt styles and the language of the question.
//
// Each style is the exact wording that a family of checkpoints was trained on, so the strings in
// prompt.cc are part of the interface: training reads the same ones (docs/formats.md quotes them).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/text.h"

namespace shijian::grounding {

enum class PromptStyle {
  kQwen,       // the question, then an instruction to answer it and to list moments as JSON
  kTimeLens,   // one sentence in, "The event happens in <start> - <end> seconds" out
  kTimeLens2,  // all time spans, [[start, end], ...]
};

std::string_view prompt_style_name(PromptStyle style);  // "qwen", "timelens", "timelens2"
std::string_view language_name(Language language);      // "en", "zh"

// `name` is one of the three names; Error(kUsage) otherwise. ("auto" is the caller's affair.)
PromptStyle parse_prompt_style(std::string_view name);

// The style of the family that the checkpoint in `directory` belongs to, by the names that its
// fine-tunes carry (directory name and config.json's "_name_or_path"), else kQwen.
PromptStyle family_prompt_style(const std::filesystem::path& directory);

// By script, outside quotation marks where anything stands there: Chinese when Han characters
// outnumber the words of other scripts. "When does the sign '出口' appear?" is English.
Language detect_language(std::string_view text);

// The user's turn. None of the templates holds a control token, so the whole of `text` is encoded
// in one piece with control tokens taken as plain characters: nothing in the question can then
// become one, and the words meet at the question's ends as the reference encodes them.
struct Prompt {
  std::string text;           // what follows the video in the user's turn
  size_t question_begin = 0;  // the question stands in `text` here, byte for byte as given
  size_t question_size = 0;
  PromptStyle style = PromptStyle::kQwen;
  Language language = Language::kEnglish;
};

// Characters of a question, at most: what is longer is no question but a text pasted by mistake,
// and would drown the answer.
inline constexpr int64_t kMaxQuestion = 10000;

// Error(kUsage) when the question is empty or blank, too long, or not UTF-8.
void check_question(std::string_view question);

// The errors of check_question().
Prompt make_prompt(std::string_view question, PromptStyle style);

// The same turn without a question, to compare with.
Prompt empty_prompt(Language language, PromptStyle style);

}  // namespace shijian::grounding
