// The small text forms of HTTP: tokens, percent escapes, header values with parameters.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace shijian::http {

std::string lower(std::string_view text);      // ASCII letters only
std::string_view trim(std::string_view text);  // spaces and tabs at both ends
bool is_token(std::string_view text);          // a method or a header's name (RFC 9110, 5.6.2)
bool has_control_character(std::string_view text);

// Nothing for "%", "%4", "%zz". `plus_is_space` is how queries write a space.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

// `form-data; name="a"; filename="b \"c\".mp4"`: names are in lower case, values as they were
// meant. Nothing when it is malformed or names a parameter twice.
struct HeaderValue {
  std::string value;  // in lower case
  std::map<std::string, std::string> parameters;
};
std::optional<HeaderValue> parse_header_value(std::string_view text);

}  // namespace shijian::http
