// Runs the built program as a user does and captures what it says.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace shijian {

struct CommandResult {
  int status = 0;  // exit status; 128 + signal when one ended it
  std::string out;
  std::string err;
};

struct CommandOptions {
  std::vector<std::string> environment;  // "NAME=value", added to the test's own
  std::filesystem::path directory;       // working directory; empty: the test's own
  std::string stdout_file;               // standard output goes there instead of `out`
  bool interrupt = false;                // sends SIGINT as soon as the program handles it
};

// Starts the `shijian` under test (SHIJIAN_PROGRAM) with these arguments.
CommandResult run_shijian(const std::vector<std::string>& arguments,
                          const CommandOptions& options = {});

// Runs a program found on the PATH, such as ffmpeg; throws when it fails.
void run_tool(const std::vector<std::string>& arguments);

// A folder that goes away with the object.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace shijian
