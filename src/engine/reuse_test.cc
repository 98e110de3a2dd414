// What the engine reuses, and that it changes no bit of an answer. On real files and tiny
// checkpoints with random weights.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "engine/chat_parts.h"
#include "engine/engine.h"

namespace shijian::engine {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = SHIJIAN_SOURCE_DIR;

fs::path checkpoint(const std::string& name) {
  return name == "nano" ? kSource / "models" / "nano"
                        : kSource / "tests/reference/checkpoints" / name;
}

bool same_tokens(const std::vector<grounding::GeneratedToken>& a, const std::vector<grounding::GeneratedToken>& b) {
  const auto same_choice = [](const grounding::TokenAlternative& x, const grounding::TokenAlternative& y) {
    return x.bytes == y.bytes && x.logprob == y.logprob;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](const grounding::GeneratedToken& x, const grounding::GeneratedToken& y) {
                      return x.id == y.id && x.logprob == y.logprob &&
                             std::equal(x.top.begin(), x.top.end(), y.top.begin(), y.top.end(),
                                        same_choice);
                    });
}

class Reuses : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    char name[] = "/tmp/shijian-reuse-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    make_clip("clip.mp4", "testsrc2=s=96x64:r=10:d=24");
  }
  static void TearDownTestSuite() { fs::remove_all(root_); }
  void SetUp() override { fs::remove_all(cache_folder()); }

  static void make_clip(const std::string& name, const std::string& source) {
    // One thread: with several, what the encoder writes depends on how busy the machine is.
    const std::string command =
        fmt::format("ffmpeg -y -nostdin -v error -f lavfi -i {} -threads 1 -pix_fmt yuv420p {}",
                    source, (root_ / name).string());
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  static fs::path clip() { return root_ / "clip.mp4"; }
  static fs::path cache_folder() { return root_ / "cache"; }

  static EngineOptions options(const std::string& name, bool cached = true) {
    EngineOptions o;
    o.model = checkpoint(name);
    o.threads = 2;
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
  static grounding::Answer ask(Engine& engine, const LocateRequest& request, const RunHooks& hooks = {}) {
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
  static std::vector<fs::path> files_of(const fs::path& folder) {
    std::vector<fs::path> files;
    if (!fs::exists(folder)) return files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    return files;
  }
  static void expect_no_temporary_files() {
    for (const fs::path& file : files_of(cache_folder())) {
      EXPECT_TRUE(file.extension() == ".cache" || file.filename() == "CACHEDIR.TAG") << file;
    }
  }

  static fs::path root_;
};
fs::path Reuses::root_;

class ReusesWith : public Reuses, public testing::WithParamInterface<const char*> {};

TEST_P(ReusesWith, LocateTheSameBitsWhateverIsKnown) {
  const std::string name = GetParam();
  const LocateRequest first = question("When is the red circle visible?");
  const LocateRequest second = question("什么时候出现蓝色的方块？");
  const grounding::Answer first_alone = fresh(name, first);
  const grounding::Answer second_alone = fresh(name, second);
  {
    Engine engine(options(name));
    const grounding::Answer a = ask(engine, first);
    expect_reuse(a, 21, false);
    expect_same(a, first_alone);
    const grounding::Answer b = ask(engine, second);
    expect_reuse(b, 0, true);
    expect_same(b, second_alone);
    EXPECT_GT(b.reuse.prefix_tokens, b.usage.vision_tokens);
    EXPECT_LT(b.timing.decode, 0.001);
    // The very same question again: all but its last token.
    const grounding::Answer again = ask(engine, second);
    EXPECT_EQ(again.reuse.prefix_tokens, again.usage.prompt_tokens - 1);
    expect_same(again, second_alone);
  }
  Engine restarted(options(name));
  const grounding::Answer c = ask(restarted, second);
  expect_reuse(c, 0, false);
  expect_same(c, second_alone);
  expect_no_temporary_files();
}

TEST_P(ReusesWith, DescribeTheSameBitsWhateverIsKnown) {
  const std::string name = GetParam();
  const fs::path media = kSource / "tests/reference/media";
  DescribeRequest request;
  request.media = {{clip(), false}, {media / "picture.png", true}};
  request.messages = one_turn("", "First <video> then <image>: what is shown?", request.media);
  request.sampling.fps = 1;
  request.sampling.frame_pixels = 4096;
  request.generation.max_new_tokens = 8;
  request.generation.temperature = 0;
  request.generation.ignore_stop = true;
  request.generation.logprobs = 3;
  Engine plain(options(name, false));
  const Description alone = plain.describe(request);
  EXPECT_EQ(alone.reuse.encoded_slots, 13);
  EXPECT_EQ(alone.reuse.slots, 0);
  for (const bool restart : {true, false}) {
    Engine engine(options(name));
    const Description a = engine.describe(request);
    EXPECT_EQ(a.reuse.encoded_slots, restart ? 13 : 0);
    EXPECT_EQ(a.reuse.slots, restart ? 0 : 13);
    EXPECT_EQ(a.reuse.prefix_tokens, 0);
    EXPECT_TRUE(same_tokens(a.tokens, alone.tokens));
    const Description b = engine.describe(request);
    EXPECT_EQ(b.reuse.encoded_slots, 0);
    EXPECT_EQ(b.reuse.prefix_tokens, b.usage.prompt_tokens - 1);
    EXPECT_TRUE(same_tokens(b.tokens, alone.tokens));
  }
}

INSTANTIATE_TEST_SUITE_P(Models, ReusesWith,
                         testing::Values("dense_tied", "head_40", "vision_27", "moe_5", "nano"),
                         [](const auto& which) { return std::string(which.param); });

TEST_F(Reuses, AShiftedWindowEncodesOnlyWhatIsNew) {
  const LocateRequest base = question("When?");
  LocateRequest moved = base;  // three slots later: 18 - 1 of its 21 are known, the last is half
  moved.sampling.from = 3;
  moved.sampling.to = 23;
  LocateRequest shorter = base;
  shorter.sampling.frames = 21;
  shorter.sampling.from = 5;
  shorter.sampling.to = 15;
  {
    Engine engine(options("dense_tied"));
    expect_reuse(ask(engine, base), 21, false);
  }
  for (const auto& [request, fewer] : {std::pair(&moved, 4), std::pair(&shorter, 1)}) {
    Engine engine(options("dense_tied"));
    const grounding::Answer answer = ask(engine, *request);
    expect_reuse(answer, fewer, false);
    expect_same(answer, fresh("dense_tied", *request));
  }
  Engine engine(options("dense_tied"));
  expect_reuse(ask(engine, moved), 0, false);
}

TEST_F(Reuses, ALongerWindowFromTheSameBeginningSharesThePrefix) {
  LocateRequest base = question("When?");
  LocateRequest shorter = base;
  shorter.sampling.frames = 20;  // the first ten slots, whole
  shorter.sampling.to = 9.5;
  Engine engine(options("dense_tied"));
  ask(engine, base);
  const grounding::Answer a = ask(engine, shorter);
  expect_reuse(a, 0, true);
  EXPECT_GT(a.reuse.prefix_tokens, a.usage.vision_tokens);
  expect_same(a, fresh("dense_tied", shorter));
  // The longer prefix is still there.
  const grounding::Answer b = ask(engine, base);
  EXPECT_EQ(b.reuse.prefix_tokens, b.usage.prompt_tokens - 1);
  expect_same(b, fresh("dense_tied", base));
}

TEST_F(Reuses, DamagedEntriesAreComputedAgain) {
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

TEST_F(Reuses, AnotherContentUnderTheNameIsAnotherVideo) {
  const fs::path path = root_ / "changing.mp4";
  fs::copy_file(clip(), path, fs::copy_options::overwrite_existing);
  LocateRequest request = question("When?");
  request.video = path;
  Engine engine(options("dense_tied"));
  expect_reuse(ask(engine, request), 21, false);
  // The same bytes under another name are the same video.
  expect_reuse(ask(engine, question("When?")), 0, true);
  make_clip("changing.mp4", "mandelbrot=s=96x64:r=10 -t 24");
  const grounding::Answer answer = ask(engine, request);
  expect_reuse(answer, 21, false);
  expect_same(answer, fresh("dense_tied", request));
}

TEST_F(Reuses, TheCallerMayKnowTheContent) {
  LocateRequest request = question("When?");
  request.content = "0123456789abcdef0123456789abcdef";
  Engine engine(options("dense_tied"));
  expect_reuse(ask(engine, request), 21, false);
  expect_reuse(ask(engine, request), 0, true);
  request.content = "00000000000000000123456789abcdef";
  expect_reuse(ask(engine, request), 21, false);
}

// A file that changes while it is read: nothing of that run is kept.
TEST_F(Reuses, AFileThatChangesMeanwhileIsNotKept) {
  const fs::path path = root_ / "growing.mp4";
  fs::copy_file(clip(), path, fs::copy_options::overwrite_existing);
  LocateRequest request = question("When?");
  request.video = path;
  Engine engine(options("dense_tied"));
  RunHooks hooks;
  hooks.progress = [&](const Progress& p) {
    if (p.stage == "decoding" && p.done == 1) std::ofstream(path, std::ios::app) << "x";
  };
  expect_reuse(ask(engine, request, hooks), 21, false);
  EXPECT_EQ(engine.cache_report().prefix_bytes, 0);
  expect_reuse(ask(engine, question("When?")), 21, false);
}

TEST_F(Reuses, FramesComeWhenAskedFor) {
  LocateRequest request = question("When?");
  Engine engine(options("dense_tied"));
  EXPECT_TRUE(engine.locate(request).media.frames.rgb.empty());
  request.keep_frames = true;
  const LocateResult result = engine.locate(request);
  EXPECT_EQ(result.media.frames.rgb.dim(0), 41);
  EXPECT_EQ(result.media.frames.times.size(), 41u);
  EXPECT_EQ(result.answers.front().reuse.encoded_slots, 0);
  // With some of them to encode as well.
  Engine second(options("dense_tied"));
  request.sampling.from = 3;
  request.sampling.to = 23;
  const LocateResult moved = second.locate(request);
  EXPECT_EQ(moved.media.frames.rgb.dim(0), 41);
  EXPECT_EQ(moved.answers.front().reuse.encoded_slots, 4);
  expect_same(moved.answers.front(), fresh("dense_tied", request));
}

// Runs that are compared with the reference see everything computed.
TEST_F(Reuses, RunsThatRecordUseNoCache) {
  const LocateRequest request = question("When?");
  Engine engine(options("dense_tied"));
  ask(engine, request);
  const size_t files = files_of(cache_folder()).size();
  model::StageRecorder stages;
  RunHooks hooks;
  hooks.stages = &stages;
  const grounding::Answer recorded = ask(engine, request, hooks);
  expect_reuse(recorded, 21, false);
  EXPECT_EQ(stages.tensors().at("vision.embeddings").shape[0], recorded.usage.vision_tokens);
  EXPECT_EQ(stages.tensors().at("hidden.0").shape[0], recorded.usage.prompt_tokens);
  const Overrides overrides;
  RunHooks overridden;
  overridden.overrides = &overrides;
  expect_reuse(ask(engine, request, overridden), 21, false);
  EXPECT_EQ(files_of(cache_folder()).size(), files);
  expect_reuse(ask(engine, request), 0, true);
  Engine off(options("dense_tied", false));
  expect_reuse(ask(off, request), 21, false);
  expect_reuse(ask(off, request), 21, false);
}

TEST_F(Reuses, ACancelledRunLeavesWholeEntriesAlone) {
  // 80 slots of 96 patches are two pieces, 64 and 16; the second is cancelled.
  LocateRequest request = question("When?");
  request.sampling.frames = 160;
  request.sampling.frame_pixels = 24576;
  request.sampling.min_pixels = 160 * 22000;
  CancelSource source;
  RunHooks hooks;
  hooks.cancel = source.token();
  hooks.progress = [&](const Progress& p) {
    if (p.stage == "encoding" && p.done >= 64) source.cancel();
  };
  {
    Engine engine(options("dense_tied"));
    EXPECT_THROW(engine.locate(request, hooks), Error);
    expect_no_temporary_files();
    const grounding::Answer answer = ask(engine, request);
    expect_reuse(answer, 16, false);
    expect_same(answer, fresh("dense_tied", request));
  }
  // Cancelled while reading: the chunks that were read are known.
  CancelSource reading;
  RunHooks later;
  later.cancel = reading.token();
  later.progress = [&](const Progress& p) {
    if (p.stage == "reading" && p.done > 0) reading.cancel();
  };
  Engine engine(options("dense_tied"));
  EXPECT_THROW(engine.locate(request, later), Error);
  const grounding::Answer answer = ask(engine, request);
  expect_reuse(answer, 0, true);
  EXPECT_LT(answer.reuse.prefix_tokens, answer.usage.prompt_tokens / 2);
  expect_same(answer, fresh("dense_tied", request));
}

TEST_F(Reuses, PrefixesGoWhenTheyAreTooMany) {
  make_clip("other.mp4", "mandelbrot=s=96x64:r=10 -t 24");
  LocateRequest one = question("When?");
  LocateRequest other = question("When?");
  other.video = root_ / "other.mp4";
  EngineOptions small = options("dense_tied");
  small.cache.prefix_bytes = 0;
  Engine forgetful(small);
  expect_reuse(ask(forgetful, one), 21, false);
  expect_reuse(ask(forgetful, one), 0, true);
  const int64_t bytes = forgetful.cache_report().prefix_bytes;
  EXPECT_GT(bytes, 0);
  expect_reuse(ask(forgetful, other), 21, false);
  expect_reuse(ask(forgetful, one), 0, false);
  EXPECT_EQ(forgetful.cache_report().prefix_bytes, bytes);

  small.cache.prefix_bytes = 3 * bytes;
  Engine engine(small);
  ask(engine, one);
  ask(engine, other);
  expect_reuse(ask(engine, one), 0, true);
  expect_reuse(ask(engine, other), 0, true);
  EXPECT_LE(engine.cache_report().prefix_bytes, 3 * bytes);
}

TEST_F(Reuses, PackedPrefixesAreSmallAndAnswerAboutAlike) {
  const LocateRequest request = question("When?");
  EngineOptions whole = options("dense_tied");
  Engine exact(whole);
  const grounding::Answer expected = ask(exact, request);
  whole.cache.prefix_packed = true;
  Engine engine(whole);
  ask(engine, request);
  EXPECT_LT(engine.cache_report().prefix_bytes, exact.cache_report().prefix_bytes / 3);
  // Another question between: the same prefix is packed again and again.
  for (const char* text : {"When else?", "When?"}) {
    const grounding::Answer answer = ask(engine, question(text));
    expect_reuse(answer, 0, true);
    if (std::string_view(text) == "When?") {
      ASSERT_FALSE(answer.tokens.empty());
      EXPECT_EQ(answer.tokens.front().id, expected.tokens.front().id);
      // 0.021 apart; 0.012 and 0.024 on other clips.
      EXPECT_NEAR(answer.tokens.front().logprob, expected.tokens.front().logprob, 0.03);
    }
  }
  // A part of the video, with the whole kept.
  LocateRequest part = request;
  part.sampling.to = 20;
  expect_reuse(ask(engine, part), 0, true);
  expect_reuse(ask(engine, request), 0, true);
}

// More room than the kept cache has.
TEST_F(Reuses, AMuchLongerAnswerStillPaysForTheQuestion) {
  Engine engine(options("dense_tied"));
  ask(engine, question("When?"));
  LocateRequest request = question("When else?");
  request.generation.max_new_tokens = 1500;
  const grounding::Answer answer = ask(engine, request);
  expect_reuse(answer, 0, true);
  EXPECT_EQ(answer.usage.generated_tokens, 1500);
  expect_same(answer, fresh("dense_tied", request));
}

TEST_F(Reuses, SeveralQuestionsInOneCall) {
  LocateRequest request = question("When?");
  request.questions = {"When?", "When is it red?", "When?"};
  Engine engine(options("dense_tied"));
  const std::vector<grounding::Answer> answers = engine.locate(request).answers;
  expect_reuse(answers[0], 21, false);
  expect_reuse(answers[1], 0, true);
  expect_reuse(answers[2], 0, true);
  expect_same(answers[0], fresh("dense_tied", question("When?")));
  expect_same(answers[1], fresh("dense_tied", question("When is it red?")));
  expect_same(answers[2], answers[0]);
  const std::vector<grounding::Answer> more = engine.locate(request).answers;
  expect_reuse(more[0], 0, true);
  expect_same(more[1], answers[1]);
}

TEST_F(Reuses, AFolderThatCannotBeWrittenEndsNoRun) {
  EngineOptions o = options("dense_tied");
  o.cache.folder = "/proc/no/such/folder";
  Engine engine(o);
  const grounding::Answer answer = ask(engine, question("When?"));
  expect_same(answer, fresh("dense_tied", question("When?")));
  EXPECT_GT(engine.cache_report().disk.failed, 0);
  EXPECT_NE(engine.cache_report().disk.last_failure, "");
}

TEST_F(Reuses, TwoProcessesAtOnce) {
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
