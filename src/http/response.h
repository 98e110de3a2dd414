// An HttpResponse made ready for the wire: conditions and ranges applied, every header in place.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "http/server.h"

namespace shijian::http {

struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  Descriptor file;  // instead of body, from `offset` on
  uint64_t offset = 0;
  uint64_t size = 0;    // bytes of the body, or of the file's part
  bool stream = false;  // instead of body
  std::string problem;  // as in HttpResponse
};

// Adds the request id and the headers of every answer, where `response` has none of that name; for
// a GET or HEAD that went well answers If-None-Match with 304, and a file's Range with 206, or 416
// and the JSON of an error.
// HttpError(404): the file is gone. HttpError(500): a header that has a line break.
Response make_response(HttpResponse response, const HttpRequest& request);

// The answer with a body as the bytes of an HTTP/1.1 message that ends its connection.
std::string wire_text(const Response& answer);

}  // namespace shijian::http
