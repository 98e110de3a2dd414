// The folder of videos as a tree of files: entered step by step, so that no link leads out of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "base/error.h"

namespace shijian::server {

// The kNotFound of a video, by its name or its id.
Error not_in_library(const std::string& video);

// Names are paths inside the folder ("talks/a.mp4") without "..", "." and empty parts. Holds no
// state but the path; thread-safe. The folder itself may be reached by links, nothing in it may.
class LibraryFolder {
 public:
  explicit LibraryFolder(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& path() const { return root_; }

  struct File {
    std::string name;
    int64_t size = 0;
    int64_t mtime = 0;  // nanoseconds of the last change
  };

  // Error kNotFound; kPermission when a part of the way is a link or not a folder, or the file is
  // not a regular one; else that of the system (a share that does not answer).
  File find(const std::string& name) const;
  bool is_gone(const std::string& name) const;  // as far as the system can tell: true is certain

  // Whether a file may be put there: Error(kPermission) when a link or a file is on the way.
  void check_way_to(const std::string& name) const;
  // Gives `file`, on the same disk, that name also, and makes the folders on the way. False when
  // the name is taken. The errors of check_way_to() and of the system.
  bool link(const std::filesystem::path& file, const std::string& name) const;
  bool remove(const std::string& name) const;  // false when it was not there

  struct Walk {
    int64_t bytes = 0;                // of all regular files, hidden ones too
    std::vector<std::string> unread;  // folders that could not be read ("" for the library itself)
    bool whole = true;                // false: a stop was requested
  };
  // Visits every regular file whose way has no hidden part. What cannot be read hides nothing else.
  // The folder `apart` at the top is left out.
  Walk walk(const std::string& apart, const std::function<void(File)>& visit,
            const std::stop_token& stop) const;

 private:
  Descriptor open_root() const;
  Descriptor open_parent(const std::string& name, bool make) const;

  std::filesystem::path root_;
};

}  // namespace shijian::server
