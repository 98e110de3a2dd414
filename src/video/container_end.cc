#include "video/container_end.h"

#include <algorithm>
#include <string_view>

#include "video/animation.h"
#include "video/container_walk.h"
#include "video/flv.h"
#include "video/ivf.h"

extern "C" {
#include <libavcodec/dv_profile.h>
}

namespace shijian::video {
namespace {

using namespace std::string_view_literals;

// What a file consists of, one after the other: all have one length, and one byte in one place.
struct Unit {
  uint64_t bytes;
  uint64_t mark_at;
  uint8_t mark;
};

bool marked(const FileBytes& file, const Unit& unit, uint64_t at) {
  const Head head = file.head(at + unit.mark_at);
  return head.have > 0 && head.bytes[0] == unit.mark;
}

bool consists_of(const FileBytes& file, const Unit& unit) {
  constexpr uint64_t kUnits = 8;
  for (uint64_t i = 0; i < kUnits; ++i) {
    if (!marked(file, unit, i * unit.bytes)) return false;
  }
  return true;
}

// Judges the end only if the last unit is aligned like the first ones: after a loss in the middle
// the length of the file says nothing, and appended bytes are no unit.
FileEnd end_of(const FileBytes& file, const Unit& unit) {
  const uint64_t rest = file.size() % unit.bytes, end = file.size() - rest;
  const bool aligned = end >= unit.bytes && marked(file, unit, end - unit.bytes);
  if (rest == 0 || !aligned) return FileEnd::kUnknown;
  return rest <= unit.mark_at || marked(file, unit, end) ? FileEnd::kTruncated : FileEnd::kUnknown;
}

FileEnd dv(const FileBytes& file) {
  constexpr size_t kHeader = 480;
  const std::vector<uint8_t> header = file.read(0, kHeader);
  const AVDVProfile* profile =
      av_dv_frame_profile(nullptr, header.data(), static_cast<unsigned>(header.size()));
  if (profile == nullptr) return FileEnd::kUnknown;
  return end_of(file, {static_cast<uint64_t>(profile->frame_size), 0, 0x1f});
}

// The last page of a file is also the last one of its stream, and says so.
FileEnd ogg(const FileBytes& file) {
  constexpr uint64_t kHeader = 27, kLargest = kHeader + 255 + 255 * 255;
  constexpr uint8_t kEndOfStream = 4;
  const uint64_t room = std::min(file.size(), kLargest);
  const std::vector<uint8_t> tail = file.read(file.size() - room, room);
  const std::string_view bytes(reinterpret_cast<const char*>(tail.data()), tail.size());
  const size_t at = bytes.rfind("OggS");
  if (at == std::string_view::npos) return FileEnd::kUnknown;
  const uint8_t* page = tail.data() + at;
  const size_t left = tail.size() - at;
  if (left < kHeader || left < kHeader + page[26]) return FileEnd::kTruncated;
  size_t length = kHeader + page[26];
  for (size_t i = 0; i < page[26]; ++i) length += page[kHeader + i];
  return left < length || (page[5] & kEndOfStream) == 0 ? FileEnd::kTruncated : FileEnd::kWhole;
}

FileEnd picture_end(const FileBytes& file) {
  const MappedFile mapped(file.file().fd(), file.file().name());
  return lacks_trailer(mapped.bytes()) ? FileEnd::kTruncated : FileEnd::kWhole;
}

}  // namespace

FileEnd find_end(const InputFile& input) {
  const FileBytes file(input);
  const Head head = file.head(0);
  if (head.have < 16) return FileEnd::kUnknown;
  if (const std::optional<FileEnd> end = end_of_nested(file)) return *end;
  if (const std::optional<FileEnd> end = end_of_packets(file)) return *end;
  const std::string_view start = head.text(0, 4);
  if (start == "OggS") return ogg(file);
  if (start == "GIF8" || start == "\x89PNG") return picture_end(file);
  // The header block of a frame begins so.
  if (start.starts_with("\x1f\x07\0"sv)) return dv(file);
  for (const Unit unit : {Unit{188, 0, 0x47}, Unit{192, 4, 0x47}, Unit{204, 0, 0x47}}) {
    if (consists_of(file, unit)) return end_of(file, unit);
  }
  return FileEnd::kUnknown;
}

std::vector<Hidden> find_hidden(const InputFile& input) {
  const FileBytes file(input);
  std::vector<Hidden> hidden = hidden_in_ivf(file);
  return hidden.empty() ? hidden_in_flv(file) : hidden;
}

bool is_unfinished(const InputFile& input) {
  const Head head = FileBytes(input).head(0);
  const bool avi = head.text(0, 4) == "RIFF" && head.text(8, 3) == "AVI";
  const bool ivf = head.text(0, 4) == "DKIF";
  return (avi && is_open(little_endian(head.bytes.data() + 4, 4))) ||
         (ivf && is_open(little_endian(head.bytes.data() + 24, 4)));
}

}  // namespace shijian::video
