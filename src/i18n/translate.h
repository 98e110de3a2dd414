// What a person reads, in their language. Texts and help are written in English where they arise;
// src/i18n/chinese.txt has the Chinese of each form, and a test knows that none is missing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"

namespace shijian::i18n {

// Forms that the table lacks stay English. Thread-safe.
std::string translate(const Text& text, Language language);

// The Chinese of a form, its places as {}, or {2} where the order differs.
std::optional<std::string_view> chinese_form(std::string_view english);

// The language of who runs the program: SHIJIAN_LANG (zh or en), else the locale that LC_ALL,
// LC_MESSAGES or LANG names.
Language reader_language();

// The language of who sends this Accept-Language (RFC 9110): Chinese where it is liked better than
// English.
Language accepted_language(std::string_view accept_language);

}  // namespace shijian::i18n
