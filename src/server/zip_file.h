// A ZIP archive that stores files as they are, with names in UTF-8 and ZIP64 where it grows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/cancel.h"

namespace shijian::server {

// Not thread-safe. Throws Error(kIo) when the disk is full, kCancelled.
class ZipFile {
 public:
  // `output`: an empty file, which stays the caller's. Sizes and places from `zip64_from` on get
  // records of ZIP64; less than what 32 bits hold is for tests.
  explicit ZipFile(int output, uint64_t zip64_from = 0xFFFFFFFF)
      : output_(output), zip64_from_(zip64_from) {}

  // All of the open file `from`, as `name`. The same files give the same archive: all are dated
  // 1980-01-01.
  void add(const std::string& name, int from, const std::stop_token& cancel);
  void finish();
  int64_t size() const { return size_; }  // bytes so far

 private:
  struct Entry {
    std::string name;
    uint32_t crc = 0;
    uint64_t size = 0, offset = 0;
  };
  void write(const void* data, size_t bytes);
  void write(const std::string& data) { write(data.data(), data.size()); }

  const int output_;
  const uint64_t zip64_from_;
  int64_t size_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace shijian::server
