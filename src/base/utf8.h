// Characters of UTF-8 text: the one reader that all folders share.
#pragma once

#include <string>
#include <string_view>

namespace shijian {

// What stands in `text` at byte `at` (at < size). Where it is ill-formed, the longest beginning of
// a character (or one byte) counts as U+FFFD, so that every byte belongs to exactly one character.
struct Utf8Char {
  char32_t code = 0;
  size_t size = 1;  // bytes, 1 to 4
  bool valid = true;
  bool truncated = false;  // not valid only because the text ends here
};
Utf8Char read_utf8(std::string_view text, size_t at);

// Well formed: no surrogates, no overlong forms.
bool is_valid_utf8(std::string_view text);

// All characters, what is ill-formed as U+FFFD.
std::u32string decode_utf8_lossy(std::string_view text);

void append_utf8(std::string& out, char32_t code);

// `text` with U+FFFD for what is ill-formed, as Python's errors="replace" and Rust's
// from_utf8_lossy have it: what JSON may hold.
std::string to_valid_utf8(std::string_view text);

bool is_han(char32_t c);
bool is_space(char32_t c);

}  // namespace shijian
