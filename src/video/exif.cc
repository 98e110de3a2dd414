#include "video/exif.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace shijian::video {
namespace {

using Bytes = std::span<const std::byte>;

// Reads past the end give 0, which no caller takes for a valid count or tag.
uint32_t number(Bytes b, size_t at, int size, bool little) {
  if (at > b.size() || b.size() - at < static_cast<size_t>(size)) return 0;
  uint32_t value = 0;
  for (int i = 0; i < size; ++i) {
    value = value << 8 | std::to_integer<uint32_t>(b[at + (little ? size - 1 - i : i)]);
  }
  return value;
}

bool has(Bytes b, size_t at, std::string_view text) {
  return at <= b.size() && b.size() - at >= text.size() &&
         std::memcmp(b.data() + at, text.data(), text.size()) == 0;
}

// The bytes from `at`, at most `size` of them.
Bytes part(Bytes b, size_t at, size_t size) {
  if (at > b.size()) return {};
  return b.subspan(at, std::min(size, b.size() - at));
}

Bytes jpeg_block(Bytes file) {
  using namespace std::string_view_literals;
  size_t at = 2;
  while (at + 4 <= file.size() && file[at] == std::byte{0xFF}) {
    const uint32_t marker = number(file, at + 1, 1, false), size = number(file, at + 2, 2, false);
    if (marker == 0xDA || size < 2) break;  // the picture begins
    if (marker == 0xE1 && has(file, at + 4, "Exif\0\0"sv)) {
      return part(file, at + 10, size < 8 ? 0 : size - 8);
    }
    at += 2 + size;
  }
  return {};
}

Bytes png_block(Bytes file) {
  for (size_t at = 8; at + 12 <= file.size();) {
    const uint32_t size = number(file, at, 4, false);
    if (has(file, at + 4, "eXIf")) return part(file, at + 8, size);
    at += size_t{12} + size;
  }
  return {};
}

Bytes webp_block(Bytes file) {
  using namespace std::string_view_literals;
  for (size_t at = 12; at + 8 <= file.size();) {
    const uint32_t size = number(file, at + 4, 4, true);
    if (has(file, at, "EXIF")) {
      Bytes block = part(file, at + 8, size);
      return has(block, 0, "Exif\0\0"sv) ? block.subspan(6) : block;
    }
    at += size_t{8} + size + (size & 1);
  }
  return {};
}

}  // namespace

int exif_orientation(Bytes file, std::string_view format) {
  const Bytes block = format == "jpeg"   ? jpeg_block(file)
                      : format == "png"  ? png_block(file)
                      : format == "webp" ? webp_block(file)
                      : format == "tiff" ? file
                                         : Bytes{};
  if (block.size() < 8) return 1;
  const bool little = has(block, 0, "II");
  if (!little && !has(block, 0, "MM")) return 1;
  const size_t directory = number(block, 4, 4, little);
  const uint32_t entries = number(block, directory, 2, little);
  for (uint32_t i = 0; i < entries; ++i) {
    const size_t at = directory + 2 + size_t{12} * i;
    if (at + 12 > block.size()) break;
    if (number(block, at, 2, little) != 0x0112) continue;
    const uint32_t value = number(block, at + 8, 2, little);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace shijian::video
