// Tests alone: a clip of 24 s, engines over it that keep what they compute, and what their answers
// reuse.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "source_dir.h"

namespace shijian::engine {

// Their ids, probabilities and alternatives, to the bit.
inline bool same_tokens(const std::vector<grounding::GeneratedToken>& a,
                        const std::vector<grounding::GeneratedToken>& b) {
  const auto same_choice = [](const grounding::TokenAlternative& x,
                              const grounding::TokenAlternative& y) {
    return x.bytes == y.bytes && x.logprob == y.logprob;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](const grounding::GeneratedToken& x, const grounding::GeneratedToken& y) {
                      return x.id == y.id && x.logprob == y.logprob &&
                             std::equal(x.top.begin(), x.top.end(), y.top.begin(), y.top.end(),
                                        same_choice);
                    });
}

// Questions that have slots of ten frames over 20 s of the clip: 21 slots.
class Reuses : public testing::Test {
 protected:
  static std::filesystem::path checkpoint_folder(const std::string& name) {
    return name == "nano" ? source_dir() / "models" / "nano"
                          : source_dir() / "tests/reference/checkpoints" / name;
  }
  static void SetUpTestSuite() {
    char name[] = "/tmp/shijian-reuse-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    make_clip("clip.mp4", "testsrc2=s=96x64:r=10:d=24");
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(root_); }
  void SetUp() override { std::filesystem::remove_all(cache_folder()); }

  static void make_clip(const std::string& name, const std::string& picture) {
    // One thread: with several, what the encoder writes depends on how busy the machine is.
    const std::string command =
        fmt::format("ffmpeg -y -nostdin -v error -f lavfi -i {} -threads 1 -pix_fmt yuv420p {}",
                    picture, (root_ / name).string());
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  static std::filesystem::path clip() { return root_ / "clip.mp4"; }
  static std::filesystem::path cache_folder() { return root_ / "cache"; }

  static EngineOptions options(const std::string& name, bool cached = true) {
    EngineOptions o;
    o.model = checkpoint_folder(name);
    o.threads = 2;
    o.calibrated = false;  // its readout asks more than the question
    o.cache.enabled = cached;
    if (cached) o.cache.folder = cache_folder();
    return o;
  }
  static LocateRequest question(const std::string& words) {
    LocateRequest request;
    request.video = clip();
    request.questions = {words};
    request.sampling.frames = 41;  // slots of ten frames over 20 s
    request.sampling.from = 0;
    request.sampling.to = 20;
    request.sampling.frame_pixels = 4096;
    request.generation.max_new_tokens = 12;
    request.generation.ignore_stop = true;
    request.generation.logprobs = 5;
    return request;
  }
  static grounding::Answer ask(Engine& engine, const LocateRequest& request,
                               const RunHooks& hooks = {}) {
    return engine.locate(request, hooks).answers.front();
  }
  static grounding::Answer fresh(const std::string& name, const LocateRequest& request) {
    Engine engine(options(name, false));
    return ask(engine, request);
  }
  static void expect_same(const grounding::Answer& a, const grounding::Answer& b) {
    EXPECT_EQ(a.tokens.size(), b.tokens.size());
    EXPECT_TRUE(same_tokens(a.tokens, b.tokens));
    EXPECT_EQ(a.response, b.response);
  }
  static void expect_reuse(const grounding::Answer& answer, int64_t encoded, bool prefix) {
    EXPECT_EQ(answer.reuse.encoded_slots, encoded);
    EXPECT_EQ(answer.reuse.slots, answer.sampling.slots - encoded);
    EXPECT_EQ(answer.reuse.prefix_tokens > 0, prefix) << answer.reuse.prefix_tokens;
  }
  static std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    if (!std::filesystem::exists(folder)) return files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    return files;
  }
  static void expect_no_temporary_files() {
    for (const std::filesystem::path& file : files_of(cache_folder())) {
      EXPECT_TRUE(file.extension() == ".cache" || file.filename() == "CACHEDIR.TAG") << file;
    }
  }

  static inline std::filesystem::path root_;
};

}  // namespace shijian::engine
