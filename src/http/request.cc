#include "http/request.h"

#include <algorithm>
#include <charconv>

#include "base/utf8.h"
#include "http/listen.h"
#include "http/text.h"
#include "i18n/translate.h"

namespace shijian::http {

std::string_view HttpRequest::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

Language HttpRequest::language() const {
  return i18n::accepted_language(header("accept-language"));
}

namespace {

HttpError bad_request(const Text& what) { return HttpError(400, "read request: {}"_text(what)); }

HttpError forbidden_path(const Text& what) {
  return HttpError(403, "read request: the path has {}"_text(what));
}

std::string read_path(std::string_view raw) {
  if (!raw.starts_with('/')) throw bad_request("the target does not begin with a slash"_text);
  auto path = percent_decode(raw);
  if (!path) throw bad_request("the path has a broken percent escape"_text);
  if (path->find('\0') != std::string::npos) throw forbidden_path("a NUL"_text);
  // A slash of ours is written as it is; an encoded one means to be taken for part of a name.
  if (std::count(path->begin(), path->end(), '/') != std::count(raw.begin(), raw.end(), '/'))
    throw forbidden_path("an encoded slash"_text);
  if (path->find('\\') != std::string::npos) throw forbidden_path("a backslash"_text);
  if (!is_valid_utf8(*path)) throw bad_request("the path is not UTF-8"_text);
  if (has_control_character(*path)) throw bad_request("the path has a control character"_text);
  for (size_t begin = 1; begin <= path->size();) {
    const size_t end = std::min(path->find('/', begin), path->size());
    const std::string_view part = std::string_view(*path).substr(begin, end - begin);
    if (part == "." || part == "..") throw forbidden_path("a . or .. part"_text);
    begin = end + 1;
  }
  return *path;
}

std::map<std::string, std::string> read_query(std::string_view raw) {
  std::map<std::string, std::string> query;
  while (!raw.empty()) {
    const size_t end = std::min(raw.find('&'), raw.size());
    const std::string_view pair = raw.substr(0, end);
    raw.remove_prefix(std::min(end + 1, raw.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    const auto name = percent_decode(pair.substr(0, equals), true);
    const auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) throw bad_request("the query has a broken percent escape"_text);
    if (!is_valid_utf8(*name) || !is_valid_utf8(*value) || value->find('\0') != std::string::npos ||
        has_control_character(*name))
      throw bad_request("the query is not UTF-8 text"_text);
    if (!query.emplace(*name, *value).second)
      throw bad_request("the query has {} twice"_text(*name));
  }
  return query;
}

// Without the port. Nothing when it is malformed.
std::optional<std::string> host_name(std::string_view host) {
  size_t end = host.find(':');
  if (host.starts_with('[')) {
    end = host.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    ++end;
  }
  end = std::min(end, host.size());
  const std::string_view port = host.substr(end);
  const bool well_formed =
      port.empty() || (port.starts_with(':') && port.size() <= 6 &&
                       port.find_first_not_of("0123456789", 1) == std::string_view::npos);
  if (!well_formed || end == 0) return std::nullopt;
  return lower(host.substr(0, end));
}

// Whether a page of `origin` is one that was loaded from `host`. The scheme is not compared: a
// proxy in front of us may speak TLS where we do not.
bool is_own_origin(std::string_view origin, std::string_view host) {
  const auto authority = [](std::string_view text, std::string_view default_port) {
    std::string result = lower(text);
    if (result.ends_with(default_port)) result.erase(result.size() - default_port.size());
    return result;
  };
  for (const auto& [scheme, port] :
       {std::pair<std::string_view, std::string_view>{"http://", ":80"}, {"https://", ":443"}}) {
    if (origin.starts_with(scheme))
      return authority(origin.substr(scheme.size()), port) == authority(host, port);
  }
  return false;  // "null"
}

}  // namespace

void read_head(const RequestHead& head, HttpRequest& request) {
  if (head.bytes > kMaxHeadBytes) {
    throw HttpError(431, "read request: the headers have {} bytes of at most {}"_text(
                             head.bytes, kMaxHeadBytes));
  }
  if (!is_token(head.method)) throw bad_request("the method is not a word"_text);
  request.method = head.method;
  const std::string_view target = head.target;
  if (target.find(' ') != std::string_view::npos) throw bad_request("the target has a space"_text);
  const size_t question = std::min(target.find('?'), target.size());
  request.path = read_path(target.substr(0, question));
  request.query = read_query(target.substr(std::min(question + 1, target.size())));
  for (const auto& [name, value] : head.headers) {
    if (!is_token(name)) throw bad_request("a header's name is not a word"_text);
    std::string text = value;
    std::replace(text.begin(), text.end(), '\t', ' ');
    if (has_control_character(text)) throw bad_request("a header has a control character"_text);
    const auto [place, fresh] = request.headers.emplace(lower(name), trim(text));
    if (!fresh) place->second.append(", ").append(trim(text));
  }
}

BodyFraming body_framing(const HttpRequest& request) {
  BodyFraming framing;
  const std::string_view length = request.header("content-length");
  const std::string_view encoding = request.header("transfer-encoding");
  if (request.headers.contains("transfer-encoding")) {
    if (lower(encoding) != "chunked")
      throw bad_request("the Transfer-Encoding is not chunked"_text);
    if (request.headers.contains("content-length"))
      throw bad_request("it has a Content-Length and a Transfer-Encoding"_text);
    framing.present = true;
  } else if (request.headers.contains("content-length")) {
    uint64_t value = 0;
    const char* end = length.data() + length.size();
    const auto [at, error] = std::from_chars(length.data(), end, value);
    if (error != std::errc() || at != end)
      throw bad_request("the Content-Length is no number"_text);
    framing.present = value > 0;
    framing.length = value;
  }
  framing.expects_continue = lower(request.header("expect")) == "100-continue";
  return framing;
}

void check_host(const HttpRequest& request, const std::vector<std::string>& names) {
  const auto name = host_name(request.header("host"));
  if (name && (is_address(*name) || std::find(names.begin(), names.end(), *name) != names.end()))
    return;
  throw HttpError(403, "check Host: the server was not started for this name"_text,
                  "call it by its address, or start it with --name and this name"_text);
}

void check_origin(const HttpRequest& request) {
  const std::string_view site = request.header("sec-fetch-site");
  const bool reading = request.method == "GET" || request.method == "HEAD";
  const bool foreign_site = !site.empty() && site != "same-origin" && site != "none" &&
                            !(reading && request.header("sec-fetch-mode") == "navigate");
  const bool foreign_origin = request.headers.contains("origin") &&
                              !is_own_origin(request.header("origin"), request.header("host"));
  if (foreign_site || foreign_origin) {
    throw HttpError(403, "check Origin: pages of other origins may not call this server"_text,
                    "call it from its own page, or from a program"_text);
  }
}

void check_own_page(const HttpRequest& request) {
  if (request.method == "GET" || request.method == "HEAD") return;
  if (request.header("sec-fetch-site") == "same-origin") return;
  if (is_own_origin(request.header("origin"), request.header("host"))) return;
  throw HttpError(403,
                  "check Origin: a session's cookie counts for the server's own page alone"_text,
                  "from a program, send Authorization: Bearer KEY"_text);
}

void check_json(const HttpRequest& request) {
  const auto type = parse_header_value(request.header("content-type"));
  if (!type || type->value != "application/json") {
    throw HttpError(415, "check Content-Type: the body is not application/json"_text,
                    "send JSON with Content-Type: application/json"_text);
  }
}

}  // namespace shijian::http
