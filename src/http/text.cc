#include "http/text.h"

#include <algorithm>

namespace shijian::http {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

namespace {
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      result += ' ';
    } else if (text[i] != '%') {
      result += text[i];
    } else {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      result += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return result;
}

namespace {
// Reads a quoted string that begins at text[at]; leaves `at` behind its closing quote. A backslash
// escapes only a quote or itself: browsers send the others as they are.
std::optional<std::string> quoted_string(std::string_view text, size_t& at) {
  std::string result;
  for (++at; at < text.size(); ++at) {
    if (text[at] == '"') {
      ++at;
      return result;
    }
    if (text[at] == '\\' && at + 1 < text.size() && (text[at + 1] == '"' || text[at + 1] == '\\'))
      ++at;
    result += text[at];
  }
  return std::nullopt;
}
}  // namespace

std::optional<HeaderValue> parse_header_value(std::string_view text) {
  HeaderValue result;
  size_t at = std::min(text.find(';'), text.size());
  result.value = lower(trim(text.substr(0, at)));
  while (at < text.size()) {
    ++at;  // the semicolon
    const size_t equals = text.find_first_of("=;", at);
    if (equals == std::string_view::npos || text[equals] == ';') {
      const size_t end = std::min(equals, text.size());
      if (!trim(text.substr(at, end - at)).empty()) return std::nullopt;
      at = end;  // "a;" and "a; ;b=c" are common enough
      continue;
    }
    const std::string name = lower(trim(text.substr(at, equals - at)));
    at = std::min(text.find_first_not_of(" \t", equals + 1), text.size());
    std::string value;
    if (at < text.size() && text[at] == '"') {
      auto quoted = quoted_string(text, at);
      if (!quoted) return std::nullopt;
      value = std::move(*quoted);
      at = std::min(text.find_first_not_of(" \t", at), text.size());
      if (at < text.size() && text[at] != ';') return std::nullopt;
    } else {
      const size_t end = std::min(text.find(';', at), text.size());
      value = trim(text.substr(at, end - at));
      at = end;
    }
    if (!is_token(name) || !result.parameters.emplace(name, std::move(value)).second)
      return std::nullopt;
  }
  return result;
}

}  // namespace shijian::http
