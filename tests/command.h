// Runs the built program as a user does and captures what it says.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/temporary_folder.h"

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
  bool close_standard_streams = false;   // standard error stays open
  int64_t limit_file_size = -1;          // bytes that a file may have; negative: any number
  int64_t limit_address_space = -1;      // bytes
  bool obey_permissions = false;         // even as root
  int interrupt = 0;                     // this signal is sent as soon as the program handles it
};

// Starts the `shijian` under test (SHIJIAN_PROGRAM) with these arguments.
CommandResult run_shijian(const std::vector<std::string>& arguments,
                          const CommandOptions& options = {});

// Runs a program found on the PATH, such as ffmpeg; throws when it fails.
void run_tool(const std::vector<std::string>& arguments);

// A folder that goes away with the object.
class ScratchFolder : public TemporaryFolder {
 public:
  std::string operator/(const std::string& name) const { return (path() / name).string(); }
};

// A clip of 6 seconds, 160x120 at 25 frames a second.
void make_clip(const std::string& path);

}  // namespace shijian
