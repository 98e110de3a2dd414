// What the tests of this folder share.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <string>

#include "jobs/records.h"

namespace shijian::jobs {

class FolderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "shijian-jobs-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path path() const { return folder_ / "jobs.sqlite"; }

  std::filesystem::path folder_;
};

inline JobRequest request_for(const std::string& query) {
  JobRequest request;
  request.video_id = "v1";
  request.video_name = "yard.mp4";
  request.query = query;
  request.options = "{}";
  return request;
}

// Runs `body` in a child process; true is exit status 0.
inline pid_t start_child(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  try {
    ::_exit(body() ? 0 : 1);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "child: %s\n", error.what());
    ::_exit(2);
  }
}

// The child's exit status, -1 when it was killed.
inline int wait_for_child(pid_t child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace shijian::jobs
