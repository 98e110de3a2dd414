// Containers whose elements say their length and hold others: boxes, EBML, RIFF, ASF.
#include <algorithm>
#include <array>

#include "video/container_walk.h"

namespace shijian::video {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kAsfHeader =
    "\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"sv;
constexpr std::string_view kAsfData =
    "\x36\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"sv;

constexpr uint64_t kEbml = 0x1a45dfa3, kSegment = 0x18538067, kCluster = 0x1f43b675;

std::optional<Element> box(const Head& head) {
  if (head.have < 16) return std::nullopt;
  constexpr std::string_view kTypes[] = {"ftyp", "styp", "moov", "moof", "mdat", "free", "skip",
                                         "wide", "uuid", "sidx", "mfra", "meta", "emsg", "prft"};
  const std::string_view type = head.text(4, 4);
  // What is appended to a file says nothing of it.
  if (std::ranges::find(kTypes, type) == std::end(kTypes)) return std::nullopt;
  uint64_t length = big_endian(head.bytes.data(), 4);
  if (length == 0) return Element{};  // to the end
  if (length == 1) length = big_endian(head.bytes.data() + 8, 8);
  return element(head.at, length);
}

std::optional<Element> ebml(const Head& head) {
  if (head.have < 16) return std::nullopt;
  const uint64_t id = big_endian(head.bytes.data(), 4);
  if (id != kEbml && id != kSegment && id != kCluster) return std::nullopt;
  const uint8_t first = head.bytes[4];
  int count = 1;
  while (count <= 8 && !(first & (0x80 >> (count - 1)))) ++count;
  if (count > 8) return std::nullopt;
  const uint64_t all = (uint64_t{1} << (7 * count)) - 1;
  const uint64_t length = big_endian(head.bytes.data() + 4, count) & all;
  if (length == all) return Element{};  // unknown, as in what is being written
  return element(head.at, 4 + count + length);
}

// The first chunk's length; writers that were interrupted leave it 0. Up to `padding` bytes may
// be missing.
FileEnd riff(const FileBytes& file, uint64_t padding) {
  const uint64_t length = little_endian(file.head(0).bytes.data() + 4, 4);
  if (length == 0) return FileEnd::kUnknown;
  return length + 8 > file.size() + padding ? FileEnd::kEarly : FileEnd::kWhole;
}

// The header and the data. While a file is being written, the length of its data is 0.
std::optional<Element> asf(const Head& head) {
  const std::string_view id = head.text(0, 16);
  if (head.have < 24 || (id != kAsfHeader && id != kAsfData)) return std::nullopt;
  const uint64_t length = little_endian(head.bytes.data() + 16, 8);
  if (length == 0) return Element{};
  return element(head.at, length);
}

}  // namespace

std::optional<FileEnd> end_of_nested(const FileBytes& file) {
  constexpr uint64_t kPadding = 16;  // bytes
  const Head head = file.head(0);
  const std::string_view form = head.text(8, 4), type = head.text(4, 4);
  if (head.text(0, 4) == "RIFF" && form.starts_with("AVI")) return riff(file, kPadding);
  if (head.text(0, 4) == "RIFF" && form == "WEBP") return riff(file, 0);
  if (head.text(0, 16) == kAsfHeader) return follow(file, asf);
  if (big_endian(head.bytes.data(), 4) == kEbml) return follow(file, ebml);
  constexpr std::string_view kFirst[] = {"ftyp", "moov", "wide", "mdat", "free"};
  if (std::ranges::find(kFirst, type) != std::end(kFirst)) return follow(file, box);
  return std::nullopt;
}

}  // namespace shijian::video
