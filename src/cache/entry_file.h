// The file of one entry of a DiskStore. Internal to cache/.
//
// 64 bytes, little-endian: magic "SHIJCACH", version (4), encoding (4: 0 as it is, 1 zstd), key
// (16), bytes that follow (8), bytes when unpacked (8), XXH3-128 of all of these and of the payload
// as stored (16). Then the payload.
#pragma once

#include <sys/stat.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace shijian::cache {

struct EntryHeader {
  std::array<char, 8> magic = {'S', 'H', 'I', 'J', 'C', 'A', 'C', 'H'};
  uint32_t version = 1;
  uint32_t encoding = 0;
  std::array<uint64_t, 2> key{};
  uint64_t stored = 0;
  uint64_t size = 0;
  std::array<uint64_t, 2> sum{};
};
static_assert(sizeof(EntryHeader) == 64);

// An entry ready to be written: `header`, then payload().
class PackedEntry {
 public:
  // Packs `bytes` where that saves an eighth. They must outlive the entry.
  PackedEntry(const std::string& key, std::string_view bytes);

  std::string_view header() const {
    return {reinterpret_cast<const char*>(&header_), sizeof header_};
  }
  std::string_view payload() const { return payload_; }

 private:
  EntryHeader header_;
  std::string packed_;
  std::string_view payload_;
};

// An entry's file, open for reading. Never waits and follows no link.
class EntryFile {
 public:
  explicit EntryFile(std::filesystem::path path);
  ~EntryFile();
  EntryFile(const EntryFile&) = delete;
  EntryFile& operator=(const EntryFile&) = delete;

  bool there() const { return there_; }
  // What was stored under `key`, or nothing when the file does not check out or holds more than
  // `max_bytes`; nothing is allocated for more than that.
  std::optional<std::string> read(const std::string& key, size_t max_bytes);
  // Whether it checks out, told in little memory.
  bool check(const std::string& key);
  int64_t bytes() const { return info_.st_size; }

  // Sets the time of last use.
  void touch();
  // Removes the file, unless another one has taken its place meanwhile.
  void remove();

 private:
  std::optional<EntryHeader> header(const std::string& key);
  bool read_exactly(char* out, size_t bytes);

  std::filesystem::path path_;
  int fd_;
  bool there_ = false;
  struct stat info_ {};
};

}  // namespace shijian::cache
