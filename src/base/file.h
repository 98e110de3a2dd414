// Files: read-only memory maps, whole-file reads with a limit, atomic writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "base/descriptor.h"

namespace shijian {

// Owns a read-only map of a regular file. Movable, not copyable; safe to read from many threads.
// Throws Error: kNotFound, kPermission, kInvalid (a directory, FIFO or device).
class MappedFile {
 public:
  MappedFile() = default;
  explicit MappedFile(const std::filesystem::path& path);
  // Of a descriptor of a regular file, which stays the caller's; `name` stands in messages.
  MappedFile(int fd, const std::string& name);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }
  size_t size() const { return size_; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Opens a regular file for reading. Throws as require_regular_file() does.
Descriptor open_regular_file(const std::filesystem::path& path, const Text& what);

// Throws unless `path` names a readable regular file (after links): kNotFound, kPermission, or
// kInvalid for a directory, FIFO, socket or device. Never blocks on a FIFO.
// `what` names the kind of thing in the message: "video", "config".
void require_regular_file(const std::filesystem::path& path, const Text& what);

// The whole file as a string; kInvalid when it is larger than `max_bytes`.
std::string read_file(const std::filesystem::path& path, size_t max_bytes);

// File that is replaced atomically: readers see the old content or the new, never half. write()
// fills a temporary file beside the target, which commit() renames; else it is removed.
// A link stays one, its target is replaced. A file that is replaced keeps its mode, a new one
// follows the umask. What is no regular file (a device, a FIFO) is opened and written itself.
class OutputFile {
 public:
  // Throws Error when nothing can be written there: kNotFound, kPermission, kInvalid (a directory).
  explicit OutputFile(const std::filesystem::path& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // All of the content, once, until it is on the disk. Throws Error(kIo) and Error(kCancelled).
  void write(std::span<const std::string_view> pieces, const std::stop_token& cancel = {});
  void write(std::string_view content) { write(std::span(&content, 1)); }
  void commit();

 private:
  std::filesystem::path target_;  // links resolved
  std::string temporary_;         // empty: `target_` itself is written, or all is done
  Descriptor file_;
};

// An OutputFile, written and committed.
void write_file_atomic(const std::filesystem::path& path, std::string_view content);
// The same with the pieces one after another.
void write_file_atomic(const std::filesystem::path& path, std::span<const std::string_view> pieces);

}  // namespace shijian
