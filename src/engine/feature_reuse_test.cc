// Vision features that outlive an engine: whose they are, and what becomes of them when files are
// damaged, change or cannot be written.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/reuse_fixture.h"

namespace shijian::engine {
namespace {

namespace fs = std::filesystem;

class ReusesFeatures : public Reuses {
 protected:
  // A question about a copy of the clip under a name of its own.
  static LocateRequest about_a_copy(const std::string& name) {
    LocateRequest request = question("When?");
    request.video = root_ / name;
    fs::copy_file(clip(), request.video, fs::copy_options::overwrite_existing);
    return request;
  }
};

TEST_F(ReusesFeatures, DamagedEntriesAreComputedAgain) {
  const LocateRequest request = question("When?");
  const grounding::Answer alone = fresh("dense_tied", request);
  {
    Engine engine(options("dense_tied"));
    ask(engine, request);
  }
  std::vector<fs::path> chunks;
  for (const fs::path& file : files_of(cache_folder())) {
    if (fs::file_size(file) > 4096) chunks.push_back(file);
  }
  ASSERT_EQ(chunks.size(), 2u);
  fs::resize_file(chunks[0], fs::file_size(chunks[0]) - 64);
  {
    Engine engine(options("dense_tied"));
    const grounding::Answer answer = ask(engine, request);
    EXPECT_TRUE(answer.reuse.encoded_slots == 16 || answer.reuse.encoded_slots == 5)
        << answer.reuse.encoded_slots;
    expect_same(answer, alone);
    EXPECT_EQ(engine.cache_report().disk.damaged, 1);
  }
  Engine engine(options("dense_tied"));
  expect_reuse(ask(engine, request), 0, false);
}

TEST_F(ReusesFeatures, AnotherContentUnderTheNameIsAnotherVideo) {
  const LocateRequest request = about_a_copy("changing.mp4");
  Engine engine(options("dense_tied"));
  expect_reuse(ask(engine, request), 21, false);
  // The same bytes under another name are the same video.
  expect_reuse(ask(engine, question("When?")), 0, true);
  make_clip("changing.mp4", "mandelbrot=s=96x64:r=10 -t 24");
  const grounding::Answer answer = ask(engine, request);
  expect_reuse(answer, 21, false);
  expect_same(answer, fresh("dense_tied", request));
}

TEST_F(ReusesFeatures, TheCallerMayKnowTheContent) {
  LocateRequest request = question("When?");
  request.content = "0123456789abcdef0123456789abcdef";
  Engine engine(options("dense_tied"));
  expect_reuse(ask(engine, request), 21, false);
  expect_reuse(ask(engine, request), 0, true);
  request.content = "00000000000000000123456789abcdef";
  expect_reuse(ask(engine, request), 21, false);
}

// A file that changes while it is read: nothing of that run is kept.
TEST_F(ReusesFeatures, AFileThatChangesMeanwhileIsNotKept) {
  const LocateRequest request = about_a_copy("growing.mp4");
  Engine engine(options("dense_tied"));
  RunHooks hooks;
  hooks.progress = [&](const Progress& p) {
    if (p.stage == "decoding" && p.done == 1) std::ofstream(request.video, std::ios::app) << "x";
  };
  expect_reuse(ask(engine, request, hooks), 21, false);
  EXPECT_EQ(engine.cache_report().prefix_bytes, 0);
  expect_reuse(ask(engine, question("When?")), 21, false);
}

TEST_F(ReusesFeatures, AFolderThatCannotBeWrittenEndsNoRun) {
  EngineOptions o = options("dense_tied");
  o.cache.folder = "/proc/no/such/folder";
  Engine engine(o);
  const grounding::Answer answer = ask(engine, question("When?"));
  expect_same(answer, fresh("dense_tied", question("When?")));
  EXPECT_GT(engine.cache_report().disk.failed, 0);
  EXPECT_FALSE(engine.cache_report().disk.last_failure.empty());
}

TEST_F(ReusesFeatures, TwoProcessesAtOnce) {
  const grounding::Answer alone = fresh("dense_tied", question("When?"));
  const auto work = [&] {
    for (int round = 0; round < 3; ++round) {
      Engine engine(options("dense_tied"));
      const grounding::Answer answer = ask(engine, question("When?"));
      if (!same_tokens(answer.tokens, alone.tokens)) return 2;
      if (round > 0 && answer.reuse.encoded_slots != 0) return 3;
      if (engine.cache_report().disk.damaged != 0) return 4;
    }
    return 0;
  };
  std::vector<pid_t> children;
  for (int i = 0; i < 2; ++i) {
    children.push_back(::fork());
    if (children.back() == 0) ::_exit(work());
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  expect_no_temporary_files();
}

}  // namespace
}  // namespace shijian::engine
