// What a person reads, in Chinese. Messages, help and progress are written in English where they
// arise; src/i18n/chinese.txt has the Chinese of each, and tests know that none is missing.
#pragma once

#include <string>
#include <string_view>

namespace shijian::i18n {

// The Chinese of a message, its names and numbers put where they belong; the message itself when
// the table lacks it. Thread-safe. For text of any origin: the work is bounded.
std::string in_chinese(std::string_view english);

// Whether the table has this very line: `english` is a template, {} where text is put in.
bool has_chinese(std::string_view english);

// SHIJIAN_LANG (zh or en), else the locale that LC_ALL, LC_MESSAGES or LANG names.
bool reads_chinese();

// The message in the language of who runs the program.
std::string for_reader(std::string_view english);

// Whether who sends this Accept-Language (RFC 9110) reads Chinese rather than English.
bool accepts_chinese(std::string_view accept_language);

}  // namespace shijian::i18n
