#include "video/avi_chunks.h"

#include <optional>
#include <string>
#include <string_view>

#include "video/container_walk.h"

namespace shijian::video {
namespace {

// Goes into lists of frames, and past all that is beside them.
std::optional<Element> next_chunk(const Head& head, uint64_t length) {
  constexpr uint64_t kHeader = 8, kListHeader = 12;
  const std::string_view id = head.text(0, 4), form = head.text(8, 4);
  if (id == "RIFF" || (id == "LIST" && (form == "movi" || form == "rec "))) {
    return element(head.at, kListHeader);
  }
  if (length == UINT32_MAX) return std::nullopt;
  return element(head.at, kHeader + length + length % 2);
}

}  // namespace

int64_t dropped_at_end(const InputFile& file, int stream) {
  const FileBytes bytes(file);
  const Head first = bytes.head(0);
  if (first.text(0, 4) != "RIFF" || first.text(8, 3) != "AVI") return 0;
  const std::string number = {static_cast<char>('0' + stream / 10 % 10),
                              static_cast<char>('0' + stream % 10)};
  int64_t dropped = 0;
  follow(bytes, [&](const Head& head) -> std::optional<Element> {
    if (head.have < 8) return std::nullopt;
    const uint64_t length = little_endian(head.bytes.data() + 4, 4);
    const bool frame = head.text(2, 2) == "dc" || head.text(2, 2) == "db";
    if (frame && head.text(0, 2) == number) dropped = length == 0 ? dropped + 1 : 0;
    return next_chunk(head, length);
  });
  return dropped;
}

}  // namespace shijian::video
