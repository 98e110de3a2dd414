// From the head of a request to an HttpRequest, and what is refused on the way. Each function
// throws an HttpError with the status that it names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/server.h"

namespace shijian::http {

// A request's line and headers as they came.
struct RequestHead {
  std::string method, target;
  std::vector<std::pair<std::string, std::string>> headers;
  size_t bytes = 0;  // all of it
};
inline constexpr size_t kMaxHeadBytes = 16 << 10;

// Fills in the method, the path, the query and the headers. 431: too long. 400: malformed. 403: a
// path with "." or ".." parts, NUL or an encoded slash.
void read_head(const RequestHead& head, HttpRequest& request);

// Framing of a body. Conflicting or unknown framing is answered with 400: the bytes after the head
// cannot be parsed as a next request then, and the connection must be closed.
struct BodyFraming {
  bool present = false;
  std::optional<uint64_t> length;  // nothing: chunked
  bool expects_continue = false;   // the client waits for a word before it sends
};
BodyFraming body_framing(const HttpRequest& request);

// 403 unless the Host header, with or without a port, is an address or one of `names` (lower case,
// IPv6 in brackets): a page elsewhere whose name was made to resolve to this machine must not reach
// us. No page comes from an address that is not its own.
void check_host(const HttpRequest& request, const std::vector<std::string>& names);

// 403 for what a page of another origin sends. Following a link from there is no such thing.
void check_origin(const HttpRequest& request);

// Throws 403 for a request that changes state, unless it provably comes from a page of this server
// (CSRF): a browser adds its cookies to requests of other pages too.
void check_own_page(const HttpRequest& request);

// 415 unless the body is said to be JSON.
void check_json(const HttpRequest& request);

}  // namespace shijian::http
