#include "i18n/translate.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <unordered_map>

#include "base/accept.h"

extern "C" const char chinese_txt[], chinese_txt_end[];

namespace shijian::i18n {
namespace {

using Table = std::unordered_map<std::string_view, std::string_view>;

Table read_table() {
  Table table;
  std::string_view rest(chinese_txt, chinese_txt_end - chinese_txt);
  std::string_view english;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line.starts_with("# ")) continue;
    if (line.starts_with("  ")) {
      table.emplace(english, line.substr(2));
    } else {
      english = line;
    }
  }
  return table;
}

}  // namespace

std::optional<std::string_view> chinese_form(std::string_view english) {
  static const Table table = read_table();
  const auto found = table.find(english);
  return found == table.end() ? std::nullopt : std::optional(found->second);
}

std::string translate(const Text& text, Language language) {
  if (language == Language::kEnglish) return text.english();
  return text.format_with(
      [](const std::string& form) { return chinese_form(form).value_or(std::string_view(form)); });
}

Language reader_language() {
  for (const char* name : {"SHIJIAN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    return std::string_view(value).starts_with("zh") ? Language::kChinese : Language::kEnglish;
  }
  return Language::kEnglish;
}

Language accepted_language(std::string_view accept_language) {
  double chinese = 0, english = 0;
  std::string lower(accept_language);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& [range, weight] : read_accept(lower)) {
    // Of two with one weight the first counts.
    if (range.starts_with("zh") && weight > english) chinese = std::max(chinese, weight);
    if (range.starts_with("en") && weight > chinese) english = std::max(english, weight);
  }
  return chinese > english ? Language::kChinese : Language::kEnglish;
}

}  // namespace shijian::i18n
