// multipart/form-data (RFC 7578) as it comes in, piece by piece, so that a file of any size passes
// through a buffer of a few kilobytes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "http/server.h"

namespace shijian::http {

struct MultipartPart {
  std::string name;
  std::string filename;      // as the client says it: UTF-8, not checked as a path; "" for a field
  std::string content_type;  // "" when the part has none
};

// Hears of the parts, in order: begin, bytes (any number of times), end. May throw.
class MultipartSink {
 public:
  virtual ~MultipartSink() = default;
  virtual void begin_part(const MultipartPart& part) = 0;
  virtual void part_bytes(std::span<const std::byte> bytes) = 0;
  virtual void end_part() = 0;
};

class MultipartReader {
 public:
  static constexpr size_t kMaxPartHeaders = 8 << 10;  // bytes of one part's headers
  static constexpr int kMaxParts = 1000;

  // `content_type` is the request's header. HttpError(415) when it is not multipart/form-data,
  // HttpError(400) when its boundary is missing or not one of RFC 2046.
  MultipartReader(std::string_view content_type, MultipartSink& sink);

  // HttpError(400) for a malformed body, HttpError(413) for headers beyond the limits. After an
  // error the reader is of no more use.
  void write(std::span<const std::byte> bytes);

  // The body has ended: HttpError(400) unless its closing boundary was there.
  void finish() const;

 private:
  enum class State { kPreamble, kBoundary, kHeaders, kBody, kDone };
  bool step();  // false: it needs more bytes
  bool read_until_delimiter();
  bool read_boundary_end();
  bool read_headers();

  MultipartSink& sink_;
  std::string delimiter_;  // "\r\n--boundary"
  State state_ = State::kPreamble;
  std::string waiting_;  // what has come and is not consumed yet
  size_t at_ = 0;        // where it begins in waiting_
  int parts_ = 0;
};

}  // namespace shijian::http
