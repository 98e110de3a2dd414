// Files on their way into the library: whole, or in pieces that a broken connection may interrupt.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "base/error.h"
#include "server/library.h"

namespace shijian {

// "bytes A-B/TOTAL". HttpError(400).
struct ContentRange {
  int64_t first = 0, last = 0, total = 0;
};
ContentRange parse_content_range(std::string_view text);

// A name in `folder` that nothing else uses, for a file that comes in one piece.
std::filesystem::path fresh_upload_path(const std::filesystem::path& folder);

// A file being written. Removed when it is dropped, unless it is kept or handed on.
class PartialFile {
 public:
  // Creates `path`, or opens it to go on at its end (`append`).
  PartialFile(std::filesystem::path path, bool append);
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  void write(std::span<const std::byte> bytes);  // Error(kIo)
  void cut(int64_t size);                        // forgets what lies beyond
  int64_t size() const { return size_; }
  void keep();                      // closes; a later piece goes on from here
  std::filesystem::path release();  // closes, synced; the caller owns the file

 private:
  void close();

  std::filesystem::path path_;
  int descriptor_ = -1;
  int64_t size_ = 0;
};

// Resumable uploads by name and total size, at most one connection at a time each.
class Uploads {
 public:
  explicit Uploads(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path path_of(const std::string& name, int64_t total) const;
  int64_t received(const std::string& name, int64_t total) const;
  void forget(const std::string& name, int64_t total);
  // Removes what was broken off more than `hours` ago.
  void sweep(int hours = 24);

  // Held by the connection that writes. HttpError(409) when another one does.
  class Claim {
   public:
    Claim(Uploads& uploads, std::filesystem::path path);
    ~Claim();
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

   private:
    Uploads& uploads_;
    std::filesystem::path path_;
  };

 private:
  std::filesystem::path folder_;
  std::mutex mutex_;
  std::set<std::filesystem::path> claimed_;
};

}  // namespace shijian
