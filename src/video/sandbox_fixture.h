// Tests alone: what befalls the children that decode.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "video/sandbox.h"
#include "video/test_video.h"

namespace shijian::video {

// The living processes whose parent is `parent`.
inline std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "stat");
    std::string stat;
    std::getline(file, stat);
    // "17 (name) S 4 ...": the state and the parent follow the last parenthesis.
    const size_t end = stat.rfind(')');
    if (end == std::string::npos || stat[end + 2] == 'Z') continue;
    if (std::stoi(stat.substr(end + 4)) == parent) found.push_back(std::stoi(stat));
  }
  return found;
}

class SandboxTest : public TestVideos {
 protected:
  void TearDown() override {
    stop_decode_sandbox();
    TestVideos::TearDown();
  }

  static std::vector<pid_t> decoders() {
    std::vector<pid_t> found;
    for (const pid_t process : children_of(::getpid())) {
      for (const pid_t child : children_of(process)) found.push_back(child);
    }
    return found;
  }
  static Error error_of(const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return Error(ErrorCode::kInternal, {});
  }
};

// Where this file is, the children of that process lie (lying_child_test.cc).
std::filesystem::path lies_of(pid_t program);
int run_lying_worker();

}  // namespace shijian::video
