// The words around the times of a text, sorted by kind. Internal to the answer parser.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace shijian::grounding {

using Names = std::initializer_list<std::string_view>;

inline bool in(std::string_view word, const Names& names) {
  return std::find(names.begin(), names.end(), word) != names.end();
}
inline bool ends_with_any(std::string_view text, const Names& names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return text.ends_with(name); });
}
inline bool begins_with_any(std::string_view text, const Names& names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return text.starts_with(name); });
}
inline bool has_any(std::string_view text, const Names& names) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) {
    return text.find(name) != std::string_view::npos;
  });
}

// A stretch of text between times, sorted by kind.
struct Context {
  std::vector<std::string> words;  // ASCII words, lower case
  std::string han;                 // everything beyond ASCII, spaces left out
  std::string symbols;             // ASCII punctuation that carries meaning
  bool new_line = false;

  bool has(const Names& names) const {
    return std::any_of(words.begin(), words.end(),
                       [&](const std::string& word) { return in(word, names); });
  }
  std::string_view first() const { return words.empty() ? std::string_view() : words.front(); }
  // The last word, passing over "about", "approximately" and articles.
  std::string_view last_exact() const {
    for (size_t i = words.size(); i-- > 0;) {
      if (!in(words[i], {"about", "around", "approximately", "roughly", "a", "an", "the", "nearly",
                         "exactly", "just", "only"})) {
        return words[i];
      }
    }
    return {};
  }
};

// What stands in [begin, end) of `text`: typographic decoration, brackets and digits left out.
Context read_context(std::string_view text, size_t begin, size_t end);

// The name that the line [begin, end) of `text` gives to the one event whose times stand at
// [times_begin, times_end) in it: "1. Dog jumps: 3.0 - 5.0 s", "00:05 - 00:12: a man waves". As a
// range of `text`, empty when it names none.
struct LabelRange {
  size_t begin = 0, end = 0;
};
LabelRange find_label(std::string_view text, size_t begin, size_t end, size_t times_begin,
                      size_t times_end);

}  // namespace shijian::grounding
