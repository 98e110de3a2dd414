// The walk from one element of a container to the next, and the families of containers whose end
// it finds. Internal to video/. Any bytes are safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "video/container_end.h"

namespace shijian::video {

// Reads a big-endian number, as boxes and EBML store it.
uint64_t big_endian(const uint8_t* bytes, int count);
// Reads a little-endian number, as RIFF, ASF and IVF store it.
uint64_t little_endian(const uint8_t* bytes, int count);

// Whether a length of four bytes is not known yet: writers that cannot go back leave one of these.
inline bool is_open(uint64_t length) { return length == 0 || length == UINT32_MAX; }

// The first bytes at a place of a file.
struct Head {
  uint64_t at = 0;
  size_t have = 0;                  // fewer than there is room for near the end of the file
  std::array<uint8_t, 32> bytes{};  // 0 behind these

  std::string_view text(size_t from, size_t count) const {
    return {reinterpret_cast<const char*>(bytes.data()) + from, count};
  }
};

// A file's bytes by their place.
class FileBytes {
 public:
  explicit FileBytes(const InputFile& file)
      : file_(file), size_(static_cast<uint64_t>(file.size())) {}

  const InputFile& file() const { return file_; }
  uint64_t size() const { return size_; }
  Head head(uint64_t at) const;
  // Returns `count` bytes, or as many as there are.
  std::vector<uint8_t> read(uint64_t at, uint64_t count) const;

 private:
  const InputFile& file_;
  const uint64_t size_;
};

struct Element {
  std::optional<uint64_t> end;    // where the next one begins; empty when it does not say so
  FileEnd cut = FileEnd::kEarly;  // what a file is that ends before that
};

// The element of `length` bytes at `at`, however large that is.
inline Element element(uint64_t at, uint64_t length, FileEnd cut = FileEnd::kEarly) {
  return {length > UINT64_MAX - at ? UINT64_MAX : at + length, cut};
}

// Goes from element to element. `read` tells what begins with a Head; nullopt is what is no element
// of the container, so that the file is whole as far as it goes.
template <typename Read>
FileEnd follow(const FileBytes& file, Read read) {
  constexpr int kMostElements = 1 << 22;  // of one file that are looked at
  uint64_t at = 0;
  for (int i = 0; i < kMostElements; ++i) {
    const std::optional<Element> found = read(file.head(at));
    if (!found) return FileEnd::kWhole;
    if (!found->end) return FileEnd::kUnknown;
    if (*found->end > file.size()) return found->cut;
    if (*found->end <= at || *found->end == file.size()) return FileEnd::kWhole;
    at = *found->end;
  }
  return FileEnd::kUnknown;
}

// Returns what a container says that knows of no end: it may have been cut between two elements.
inline FileEnd open_end(FileEnd end) { return end == FileEnd::kWhole ? FileEnd::kUnknown : end; }

// Whether another MP4, MOV or ASF file is joined to one: libavformat reads the first alone.
bool is_followed_by_file(const FileBytes& file);

// What the elements of a family say; nullopt where the file is of another one.
std::optional<FileEnd> end_of_nested(const FileBytes& file);   // MP4, Matroska, AVI, ASF
std::optional<FileEnd> end_of_packets(const FileBytes& file);  // one frame or packet after another

}  // namespace shijian::video
