// A folder that goes away with the object.
#pragma once

#include <filesystem>

namespace shijian {

class TemporaryFolder {
 public:
  // Throws Error (kIo and kin).
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace shijian
