// The reader of multipart bodies: the first byte is the size of the pieces that the rest comes in.
// However it is cut, the same parts come out, begun and ended in turn, or the same refusal.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "http/multipart.h"

namespace {

struct Notes : shijian::http::MultipartSink {
  void begin_part(const shijian::http::MultipartPart& part) override {
    CHECK(!inside);
    inside = true;
    parts.push_back(part.name + "|" + part.filename + "|" + part.content_type + "|");
  }
  void part_bytes(std::span<const std::byte> bytes) override {
    CHECK(inside);
    parts.back().append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  void end_part() override {
    CHECK(inside);
    inside = false;
  }
  std::vector<std::string> parts;
  bool inside = false;
};

// The parts, or nothing for a body that is refused.
std::optional<std::vector<std::string>> read(std::span<const std::byte> body, size_t piece) {
  Notes notes;
  try {
    shijian::http::MultipartReader reader("multipart/form-data; boundary=XX", notes);
    while (!body.empty()) {
      const size_t size = std::min(piece, body.size());
      reader.write(body.first(size));
      body = body.subspan(size);
    }
    reader.finish();
  } catch (const shijian::http::HttpError& error) {
    CHECK(error.status() == 400 || error.status() == 413, "{}", error.status());
    return std::nullopt;
  }
  CHECK(!notes.inside);
  return notes.parts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const auto body = std::as_bytes(std::span(data + 1, size - 1));
  CHECK(read(body, size_t{1} + data[0]) == read(body, body.size() + 1));
  return 0;
}
