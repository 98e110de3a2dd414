// The first step of reading an answer: one spelling for every digit, dash and quote. Internal to
// the answer parser.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "grounding/event.h"

namespace shijian::grounding {

// `text` with full-width forms, typographic dashes, quotes and spaces replaced by ASCII, and
// ill-formed bytes by U+FFFD. Byte i of it came from byte origin[i] of the source.
struct NormalText {
  std::string text;
  std::vector<size_t> origin;  // [text.size() + 1], not decreasing
  std::string_view source;

  // The source bytes behind [begin, end) of `text`.
  TextRange source_range(size_t begin, size_t end) const;
  std::string_view source_slice(size_t begin, size_t end) const;
};
NormalText normalize(std::string_view source);

inline bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string lower(std::string_view text);

}  // namespace shijian::grounding
