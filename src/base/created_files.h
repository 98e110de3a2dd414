// Files and folders that a run creates, removed again unless it keeps them.
#pragma once

#include <filesystem>
#include <mutex>
#include <vector>

namespace shijian {

// add() may be called from any thread.
class CreatedFiles {
 public:
  CreatedFiles() = default;
  ~CreatedFiles();  // removes them, the last first; a folder only once it is empty
  CreatedFiles(const CreatedFiles&) = delete;
  CreatedFiles& operator=(const CreatedFiles&) = delete;

  // Creates the folder and those above it that do not exist. Throws Error (kIo and kin).
  void make_folder(const std::filesystem::path& path);
  void add(const std::filesystem::path& path);
  void keep();

 private:
  std::mutex mutex_;
  std::vector<std::filesystem::path> paths_;  // in the order of creation
};

}  // namespace shijian
