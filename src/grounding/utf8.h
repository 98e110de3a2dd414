// Characters of UTF-8 text, as far as reading questions and answers needs them.
#pragma once

#include <string>
#include <string_view>

namespace shijian {

// One character of `text` starting at byte `at` (at < size). Ill-formed bytes count as one
// character each, U+FFFD, so that every byte belongs to exactly one character.
struct Utf8Char {
  char32_t code = 0;
  size_t size = 1;  // bytes, 1 to 4
  bool valid = true;
};
Utf8Char read_utf8(std::string_view text, size_t at);

bool is_valid_utf8(std::string_view text);

// All characters, ill-formed bytes as U+FFFD.
std::u32string decode_utf8_lossy(std::string_view text);

void append_utf8(std::string& out, char32_t code);

// `text` with every ill-formed byte replaced by U+FFFD: what JSON may hold.
std::string to_valid_utf8(std::string_view text);

bool is_han(char32_t c);
bool is_space(char32_t c);

}  // namespace shijian
