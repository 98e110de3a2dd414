// Content hashes of files: what a file holds, wherever it lies and whatever it is called.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <span>
#include <string>

#include "base/cancel.h"
#include "cache/memory_lru.h"

namespace shijian::cache {

// Device, inode, size and the times of the last change of content and of attributes, in words: a
// file whose state is the same holds the same bytes. Empty when there is no such file.
std::string file_state(const std::filesystem::path& path);

// SHA-256 of bytes that come in pieces: two contents with one hash cannot be made on purpose.
class ContentHasher {
 public:
  ContentHasher();
  ContentHasher(ContentHasher&& other) noexcept;
  ContentHasher& operator=(ContentHasher&& other) noexcept;
  ~ContentHasher();
  void update(std::span<const std::byte> bytes);
  std::string digest();  // 64 hexadecimal digits; once, the last call

 private:
  void* state_ = nullptr;
};

// Reads each file once: its hash is remembered with its state. Safe from several threads.
class ContentHashes {
 public:
  // SHA-256 of the file's bytes, as ContentHasher gives it. Throws Error: kNotFound, kPermission,
  // kInvalid (not a regular file), kIo, kCancelled.
  std::string of(const std::filesystem::path& path, const std::stop_token& cancel = {});

  // How many files were read.
  int64_t files_read() const;

 private:
  mutable std::mutex mutex_;
  MemoryLru<std::string, std::string> known_{int64_t{1} << 20};  // by state
  int64_t files_read_ = 0;
};

}  // namespace shijian::cache
