// UTF-8 and normalisation as the reference tokenizer sees them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace shijian {

// What stands at the start of some bytes.
struct Utf8Step {
  size_t length = 0;       // bytes to step over, at least 1
  bool valid = false;      // a whole character; otherwise the longest beginning of one (or 1 byte)
  bool truncated = false;  // not valid only because the bytes end here
};
Utf8Step utf8_step(std::string_view bytes);  // `bytes` must not be empty

char32_t utf8_decode(std::string_view character);  // of one valid character

// Each longest beginning of a character that goes wrong becomes one U+FFFD, as Python's
// errors="replace" and Rust's from_utf8_lossy do.
std::string repair_utf8(std::string_view bytes);

// Canonical composition of valid UTF-8 by the rules of Unicode 9.0, which is what the reference's
// normaliser knows: characters younger than that pass unchanged.
std::string normalize_nfc(std::string_view utf8);

bool is_white_space(char32_t c);  // the Unicode property White_Space

}  // namespace shijian
