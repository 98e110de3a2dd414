#include "http/sse.h"

#include <algorithm>

#include "base/error.h"

namespace shijian::http {

namespace {
// "\r\n", "\r" and "\n" all end a line for the client.
std::string field_lines(std::string_view field, std::string_view text) {
  std::string result;
  while (true) {
    const size_t end = std::min(text.find_first_of("\r\n"), text.size());
    result.append(field).append(" ").append(text.substr(0, end)).append("\n");
    if (end == text.size()) return result;
    text.remove_prefix(end + (text.substr(end, 2) == "\r\n" ? 2 : 1));
  }
}
}  // namespace

std::string sse_event(std::string_view event, std::string_view data) {
  CHECK(event.find_first_of("\r\n") == std::string_view::npos, "event {}", event);
  return (event.empty() ? "" : field_lines("event:", event)) + field_lines("data:", data) + "\n";
}

std::string sse_comment(std::string_view text) { return field_lines(":", text) + "\n"; }

}  // namespace shijian::http
