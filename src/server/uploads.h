// Files on their way into the library: whole, or in pieces that a broken connection may interrupt.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "base/error.h"
#include "cache/content_hashes.h"
#include "server/library.h"

namespace shijian::server {

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
  // Of a released file that came in one piece: its content's hash. "" for others.
  std::string hash() const { return hash_; }

 private:
  void close();

  std::filesystem::path path_;
  int descriptor_ = -1;
  int64_t size_ = 0;
  std::optional<cache::ContentHasher> hasher_;
  std::string hash_;
};

// Checks a running upload against the library's quota. The quota is read once at the beginning, so
// that a file that cannot fit is refused early; Library::accept() checks it exactly.
class UploadQuota {
 public:
  // HttpError(413) when the library is full.
  explicit UploadQuota(Library& library);
  // HttpError(413) when `bytes` received so far are more than there is room for.
  void check(int64_t bytes);

 private:
  Library& library_;
  int64_t remaining_;
};

// Resumable uploads by name and total size, at most one connection at a time each.
class Uploads {
 public:
  explicit Uploads(Library& library) : library_(library) {}

  std::filesystem::path path_of(const std::string& name, int64_t total) const;
  int64_t received(const std::string& name, int64_t total) const;
  void forget(const std::string& name, int64_t total);
  // Removes what was broken off more than a day ago; at the start also what came in one piece.
  void sweep(bool at_start = false);

  // Held by the connection that writes. HttpError(409) when another one does.
  class Claim {
   public:
    Claim(Uploads& uploads, std::filesystem::path path);
    ~Claim() { release(); }
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    void release();

   private:
    Uploads& uploads_;
    std::filesystem::path path_;
  };

 private:
  Library& library_;
  std::mutex mutex_;
  std::set<std::filesystem::path> claimed_;
};

}  // namespace shijian::server
