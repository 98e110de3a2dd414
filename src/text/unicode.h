// Normalisation and white space as the reference tokenizer sees them.
#pragma once

#include <string>
#include <string_view>

namespace shijian::text {

// Canonical composition of valid UTF-8 by the rules of Unicode 9.0, which is what the reference's
// normaliser knows: characters younger than that pass unchanged.
std::string normalize_nfc(std::string_view utf8);

bool is_white_space(char32_t c);  // the Unicode property White_Space

}  // namespace shijian::text
