// From the head of a request to what handlers see: "METHOD TARGET", then a header a line. What is
// let through keeps what http/server.h promises.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/utf8.h"
#include "http/request.h"
#include "http/text.h"

namespace {

std::string_view take_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

shijian::http::RequestHead head_of(std::string_view text) {
  shijian::http::RequestHead head;
  head.bytes = text.size();
  const std::string_view first = take_line(text);
  const size_t space = std::min(first.find(' '), first.size());
  head.method = first.substr(0, space);
  head.target = first.substr(std::min(space + 1, first.size()));
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const size_t colon = std::min(line.find(':'), line.size());
    head.headers.emplace_back(line.substr(0, colon),
                              shijian::http::trim(line.substr(std::min(colon + 1, line.size()))));
  }
  return head;
}

void check_path(std::string_view path) {
  CHECK(path.starts_with('/') && shijian::is_valid_utf8(path));
  CHECK(!shijian::http::has_control_character(path) && path.find('\\') == path.npos);
  for (size_t begin = 1; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    CHECK(part != "." && part != "..");
    begin = end + 1;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shijian::http;
  const RequestHead head = head_of({reinterpret_cast<const char*>(data), size});
  shijian::http::HttpRequest request;
  try {
    read_head(head, request);
    check_path(request.path);
    for (const auto& [name, value] : request.query) {
      CHECK(shijian::is_valid_utf8(name) && shijian::is_valid_utf8(value));
    }
    for (const auto& [name, value] : request.headers) CHECK(lower(name) == name);
    body_framing(request);
    check_host(request, {"localhost", "[::1]"});
    check_origin(request);
    check_json(request);
  } catch (const shijian::http::HttpError& error) {
    CHECK(error.status() >= 400 && error.status() < 500, "{}", error.status());
  }
  return 0;
}
