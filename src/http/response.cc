#include "http/response.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <optional>
#include <string_view>

#include "http/text.h"

namespace shijian::http {

namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

// A page runs only what this server sends as a file of its own, shows and plays also what it made
// itself (blob:, data:), and is shown in no other page.
constexpr std::array<std::pair<const char*, const char*>, 4> kHeadersOfEveryAnswer = {{
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Content-Security-Policy",
     "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; "
     "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"},
}};

const std::string* find_header(const Headers& headers, std::string_view name) {
  const std::string wanted = lower(name);
  for (const auto& [key, value] : headers) {
    if (lower(key) == wanted) return &value;
  }
  return nullptr;
}

void add_default(Headers& headers, const char* name, const std::string& value) {
  if (!find_header(headers, name)) headers.emplace_back(name, value);
}

// "Sun, 06 Nov 1994 08:49:37 GMT", whatever the locale.
std::string http_date(std::time_t time) {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}", fmt::gmtime(time));
}

bool etag_listed(std::string_view list, std::string_view etag) {
  const auto strong = [](std::string_view tag) {
    return tag.starts_with("W/") ? tag.substr(2) : tag;
  };
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    const std::string_view tag = trim(list.substr(0, end));
    if (tag == "*" || (!tag.empty() && strong(tag) == strong(etag))) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

// Whether the client has this very content already. Dates are compared as they were given out.
bool is_known(const HttpRequest& request, const Headers& headers) {
  const std::string* etag = find_header(headers, "etag");
  if (request.headers.contains("if-none-match"))
    return etag && etag_listed(request.header("if-none-match"), *etag);
  const std::string* modified = find_header(headers, "last-modified");
  return modified && request.header("if-modified-since") == *modified;
}

struct Range {
  uint64_t first = 0, last = 0;
};

std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "bytes=0-99", "bytes=100-", "bytes=-100" of a file of `size` bytes. Nothing: not understood, or
// several ranges, and then the whole file is the right answer. first > last: not satisfiable.
std::optional<Range> parse_range(std::string_view text, uint64_t size) {
  if (!text.starts_with("bytes=")) return std::nullopt;
  text = trim(text.substr(6));
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = number(text.substr(0, dash));
  const auto last = number(text.substr(dash + 1));
  const bool has_last = dash + 1 < text.size();
  if ((dash > 0 && !first) || (has_last && !last) || (dash == 0 && !has_last)) return std::nullopt;
  if (dash == 0) {
    if (*last == 0 || size == 0) return Range{1, 0};
    return Range{size - std::min(*last, size), size - 1};
  }
  if (has_last && *last < *first) return std::nullopt;
  if (*first >= size) return Range{1, 0};
  return Range{*first, has_last ? std::min(*last, size - 1) : size - 1};
}

// Opens the file and describes it; the path is nobody else's affair.
void attach_file(const std::filesystem::path& path, Response& answer) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (file.get() < 0 || fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
    throw HttpError(404, "send file: it does not exist any more"_text);
  answer.file = std::move(file);
  answer.size = static_cast<uint64_t>(status.st_size);
  add_default(answer.headers, "Last-Modified", http_date(status.st_mtim.tv_sec));
  add_default(answer.headers, "ETag",
              fmt::format("\"{:x}-{:x}.{:x}\"", status.st_size, status.st_mtim.tv_sec,
                          status.st_mtim.tv_nsec));
  add_default(answer.headers, "Accept-Ranges", "bytes");
  add_default(answer.headers, "Cache-Control", "private, no-cache");
}

void drop_body(Response& answer, int status) {
  answer.status = status;
  answer.body.clear();
  answer.file = Descriptor();
  answer.size = 0;
}

// A range counts only for the content that the client saw before. False: it is beyond the end.
bool apply_range(const HttpRequest& request, Response& answer) {
  if (request.method != "GET" || !request.headers.contains("range")) return true;
  const std::string_view condition = request.header("if-range");
  if (request.headers.contains("if-range") && condition != *find_header(answer.headers, "etag") &&
      condition != *find_header(answer.headers, "last-modified"))
    return true;
  const auto range = parse_range(request.header("range"), answer.size);
  if (!range) return true;
  if (range->first > range->last) return false;
  answer.headers.emplace_back(
      "Content-Range", fmt::format("bytes {}-{}/{}", range->first, range->last, answer.size));
  answer.status = 206;
  answer.offset = range->first;
  answer.size = range->last - range->first + 1;
  return true;
}

HttpResponse beyond_the_end(uint64_t size, const HttpRequest& request) {
  HttpResponse response =
      error_response(HttpError(416, "check Range: the file has {} bytes"_text(size)), request.id);
  response.headers.emplace_back("Content-Range", fmt::format("bytes */{}", size));
  response.headers.emplace_back("Accept-Ranges", "bytes");
  return response;
}

}  // namespace

Response make_response(HttpResponse response, const HttpRequest& request) {
  Response answer;
  answer.status = response.status;
  answer.headers = std::move(response.headers);
  answer.stream = response.stream;
  answer.problem = std::move(response.problem);
  if (response.file) {
    attach_file(*response.file, answer);
  } else if (!response.stream) {
    answer.body = response.error ? error_json(*response.error, request.language()) + "\n"
                                 : std::move(response.body);
    answer.size = answer.body.size();
  }
  if (answer.status == 200 && !answer.stream &&
      (request.method == "GET" || request.method == "HEAD")) {
    if (is_known(request, answer.headers)) {
      drop_body(answer, 304);
    } else if (response.file && !apply_range(request, answer)) {
      return make_response(beyond_the_end(answer.size, request), request);
    }
  }
  if (answer.size > 0 || answer.stream)
    add_default(answer.headers, "Content-Type", response.content_type);
  add_default(answer.headers, "X-Request-Id", request.id);
  add_default(answer.headers, "Cache-Control", "no-store");
  for (const auto& [name, value] : kHeadersOfEveryAnswer) add_default(answer.headers, name, value);
  for (const auto& [name, value] : answer.headers) {
    if (!is_token(name) || has_control_character(value))
      throw HttpError(500, "send answer: header {} cannot be sent"_text(name));
  }
  return answer;
}

std::string wire_text(const Response& answer) {
  std::string text = fmt::format("HTTP/1.1 {} Error\r\nConnection: close\r\nContent-Length: {}\r\n",
                                 answer.status, answer.body.size());
  for (const auto& [name, value] : answer.headers) {
    text.append(name).append(": ").append(value).append("\r\n");
  }
  return text + "\r\n" + answer.body;
}

}  // namespace shijian::http
