// Content hashes of files: what a file holds, wherever it lies and whatever it is called.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>

#include "base/cancel.h"
#include "cache/memory_lru.h"

namespace shijian {

// Reads each file once: its hash is remembered while device, inode, size and the times of the last
// change of content and of attributes stay the same. Safe from several threads.
class ContentHashes {
 public:
  // XXH3-128 of the file's bytes, as content_hash() gives it. Throws Error: kNotFound, kPermission,
  // kInvalid (not a regular file), kIo, kCancelled.
  std::string of(const std::filesystem::path& path, const CancelToken& cancel = {});

  // How many files were read.
  int64_t files_read() const;

 private:
  using Identity = std::array<int64_t, 7>;  // device, inode, size, two times in s and ns

  mutable std::mutex mutex_;
  MemoryLru<Identity, std::string> known_{int64_t{1} << 20};
  int64_t files_read_ = 0;
};

}  // namespace shijian
