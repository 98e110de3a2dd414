#include "grounding/prompt.h"

#include <algorithm>
#include <array>
#include <system_error>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

namespace shijian::grounding {

namespace {

struct Template {
  std::string_view before;
  std::string_view after;
};

// [style][language]. The English TimeLens and TimeLens2 wordings are those of the checkpoints'
// own training; a changed character costs accuracy.
constexpr Template kTemplates[3][2] = {
    {{"",
      "\nAnswer the question, then give each moment as JSON "
      "[{\"start\": seconds, \"end\": seconds, \"label\": \"event\"}], "
      "or [] if it does not occur."},
     {"",
      "\n请回答问题，并以 JSON 给出每个时刻 "
      "[{\"start\": 秒, \"end\": 秒, \"label\": \"事件\"}]，"
      "如果没有出现，给出 []。"}},
    {{"Please find the visual event described by the sentence '",
      "', determining its starting and ending times. The format should be: "
      "'The event happens in <start time> - <end time> seconds'."},
     {"请找出句子“",
      "”所描述的视觉事件，并确定它的开始和结束时间。"
      "格式应为：“事件发生在 <开始时间> - <结束时间> 秒”。"}},
    {{"You are given a video.\nTask: temporal retrieval.\nGiven the query: \"",
      "\", return ALL time spans (in seconds) where the query is relevant.\n"
      "Output format MUST be a JSON array of [start, end] pairs, "
      "e.g. [[0, 3.5], [10, 12]].\n"},
     {"给你一段视频。\n任务：时间检索。\n对于查询：“",
      "”，返回与它相关的所有时间段（单位：秒）。\n"
      "输出必须是由 [开始, 结束] 组成的 JSON 数组，例如 [[0, 3.5], [10, 12]]。\n"}},
};

constexpr std::array<std::string_view, 3> kStyleNames = {"qwen", "timelens", "timelens2"};

bool is_letter(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  // Latin, Greek, Cyrillic, Arabic, kana, Hangul ... everything that is not Han, punctuation or a
  // symbol: close enough to count words with.
  return (c >= 0xC0 && c < 0x2000) || (c >= 0x3040 && c <= 0x30FF) || (c >= 0xAC00 && c <= 0xD7A3);
}

char32_t closing_quote(char32_t c) {
  switch (c) {
    case '"':
      return '"';
    case '\'':
      return '\'';
    case U'“':
      return U'”';
    case U'‘':
      return U'’';
    case U'「':
      return U'」';
    case U'『':
      return U'』';
    case U'《':
      return U'》';
    default:
      return 0;
  }
}

struct ScriptCount {
  size_t han = 0;    // Han characters
  size_t words = 0;  // runs of letters of any other script
  size_t kana = 0;   // Japanese syllables: Han beside them is not Chinese
};

ScriptCount count_scripts(const std::u32string& text, bool skip_quoted) {
  ScriptCount count;
  bool in_word = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if (skip_quoted && closing_quote(c) != 0 && !(in_word && c == '\'')) {
      const size_t close = text.find(closing_quote(c), i + 1);
      if (close != std::u32string::npos) {
        i = close;
        in_word = false;
        continue;
      }
    }
    if (is_han(c)) ++count.han;
    if (c >= 0x3040 && c <= 0x30FF) ++count.kana;
    if (is_letter(c)) {
      if (!in_word) ++count.words;
      in_word = true;
    } else if (c != '\'' && c != U'’') {
      in_word = false;
    }
  }
  return count;
}

std::string lower_ascii(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

Prompt turn(std::string_view question, Language language, PromptStyle style) {
  Prompt prompt;
  prompt.style = style;
  prompt.language = language;
  const Template& words =
      kTemplates[static_cast<size_t>(style)][static_cast<size_t>(prompt.language)];
  prompt.question_begin = words.before.size();
  prompt.question_size = question.size();
  prompt.text.reserve(words.before.size() + question.size() + words.after.size());
  prompt.text.append(words.before).append(question).append(words.after);
  return prompt;
}

}  // namespace

std::string_view prompt_style_name(PromptStyle style) {
  return kStyleNames[static_cast<size_t>(style)];
}

std::string_view language_name(Language language) {
  return language == Language::kChinese ? "zh" : "en";
}

PromptStyle parse_prompt_style(std::string_view name) {
  for (size_t i = 0; i < kStyleNames.size(); ++i) {
    if (kStyleNames[i] == name) return static_cast<PromptStyle>(i);
  }
  throw Error(ErrorCode::kUsage, "prompt style: no such style '{}'"_text(name),
              "the styles are auto, qwen, timelens and timelens2"_text);
}

PromptStyle family_prompt_style(const std::filesystem::path& directory) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  // "dir/" has an empty file name; a link may carry the better name or the worse one.
  fs::path given = directory.lexically_normal();
  if (!given.has_filename()) given = given.parent_path();
  std::string names = given.filename().string() + "\n";
  const fs::path real = fs::canonical(directory, ignored);
  if (!ignored) names += real.filename().string() + "\n";
  if (const fs::path config = directory / "config.json"; fs::exists(config, ignored)) {
    const Json json = read_json_file(config);
    if (json.is_object() && json.contains("_name_or_path") && json["_name_or_path"].is_string()) {
      names += json["_name_or_path"].get<std::string>();
    }
  }
  names = lower_ascii(std::move(names));
  if (names.find("timelens2") != std::string::npos || names.find("timelens-2") != std::string::npos)
    return PromptStyle::kTimeLens2;
  if (names.find("timelens") != std::string::npos) return PromptStyle::kTimeLens;
  return PromptStyle::kQwen;
}

Language detect_language(std::string_view text) {
  const std::u32string characters = decode_utf8_lossy(text);
  ScriptCount count = count_scripts(characters, true);
  if (count.han + count.words == 0) count = count_scripts(characters, false);
  return count.han > count.words && count.kana == 0 ? Language::kChinese : Language::kEnglish;
}

void check_question(std::string_view question) {
  const std::u32string characters = decode_utf8_lossy(question);
  if (std::all_of(characters.begin(), characters.end(), is_space)) {
    throw Error(
        ErrorCode::kUsage, "question: it is empty"_text,
        "say in a few words what to look for, for example \"when does the dog jump?\""_text);
  }
  if (!is_valid_utf8(question)) {
    throw Error(ErrorCode::kUsage, "question: it is not valid UTF-8"_text,
                "set the terminal or the file to UTF-8"_text);
  }
  if (static_cast<int64_t>(characters.size()) > kMaxQuestion) {
    throw Error(ErrorCode::kUsage,
                "question: it has {} characters, at most {} are taken"_text(characters.size(),
                                                                            kMaxQuestion),
                "say what to look for in a sentence or two"_text);
  }
}

Prompt make_prompt(std::string_view question, PromptStyle style) {
  check_question(question);
  return turn(question, detect_language(question), style);
}

Prompt empty_prompt(Language language, PromptStyle style) { return turn({}, language, style); }

}  // namespace shijian::grounding
