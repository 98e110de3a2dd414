// Containers that are a header and one frame or packet after another.
#include "video/container_walk.h"

namespace shijian::video {
namespace {

constexpr uint64_t kGxfMap = 0x1bc;  // what GXF begins with

// The header says its own length; frames come with 12 bytes before each.
std::optional<Element> ivf(const Head& head) {
  constexpr uint64_t kFrameHeader = 12;
  const uint8_t* bytes = head.bytes.data();
  if (head.at == 0) return element(0, little_endian(bytes + 6, 2), FileEnd::kTruncated);
  const uint64_t frame = head.have < kFrameHeader ? 0 : little_endian(bytes, 4);
  return element(head.at, kFrameHeader + frame, FileEnd::kTruncated);
}

// Tags of sound, pictures and data come with 11 bytes before each, and their length again behind.
std::optional<Element> flv(const FileBytes& file, const Head& head) {
  constexpr uint64_t kTagHeader = 11, kLengthAgain = 4;
  if (head.at == 0) return element(0, big_endian(head.bytes.data() + 5, 4) + kLengthAgain);
  const int type = head.bytes[0] & 0x1f;
  if (type != 8 && type != 9 && type != 18) return std::nullopt;
  const uint64_t tag = kTagHeader + big_endian(head.bytes.data() + 1, 3);
  const bool complete = head.at + tag <= file.size();
  return element(head.at, tag + kLengthAgain, complete ? FileEnd::kUnknown : FileEnd::kTruncated);
}

// Packets begin with 16 bytes that say what they are; the last one is the end of the stream.
FileEnd gxf(const FileBytes& file) {
  constexpr uint64_t kHeader = 16;
  constexpr uint8_t kEndOfStream = 0xfb;
  bool ended = false;
  const FileEnd end = follow(file, [&](const Head& head) -> std::optional<Element> {
    if (ended) return std::nullopt;
    if (head.have < kHeader) return element(head.at, kHeader, FileEnd::kTruncated);
    if (big_endian(head.bytes.data(), 5) != 1) return Element{};
    ended = head.bytes[5] == kEndOfStream;
    return element(head.at, big_endian(head.bytes.data() + 6, 4), FileEnd::kTruncated);
  });
  return end == FileEnd::kWhole && !ended ? FileEnd::kTruncated : end;
}

// Returns what a container says that knows of no end: it may have been cut between two packets.
FileEnd open_end(FileEnd end) { return end == FileEnd::kWhole ? FileEnd::kUnknown : end; }

}  // namespace

std::optional<FileEnd> end_of_packets(const FileBytes& file) {
  const Head head = file.head(0);
  if (head.text(0, 4) == "DKIF") return open_end(follow(file, ivf));
  if (big_endian(head.bytes.data(), 6) == kGxfMap) return gxf(file);
  if (head.text(0, 4) == "FLV\1") {
    return open_end(follow(file, [&](const Head& tag) { return flv(file, tag); }));
  }
  return std::nullopt;
}

}  // namespace shijian::video
