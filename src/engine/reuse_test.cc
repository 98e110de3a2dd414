// What the engine reuses changes no bit of an answer, on tiny checkpoints with random weights and
// on the default model.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>

#include "base/error.h"
#include "engine/chat_parts.h"
#include "engine/reuse_fixture.h"

namespace shijian::engine {
namespace {

namespace fs = std::filesystem;

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
  const fs::path media = source_dir() / "tests/reference/media";
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
  std::stop_source source;
  RunHooks hooks;
  hooks.cancel = source.get_token();
  hooks.progress = [&](const Progress& p) {
    if (p.stage == "encoding" && p.done >= 64) source.request_stop();
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
  std::stop_source reading;
  RunHooks later;
  later.cancel = reading.get_token();
  later.progress = [&](const Progress& p) {
    if (p.stage == "reading" && p.done > 0) reading.request_stop();
  };
  Engine engine(options("dense_tied"));
  EXPECT_THROW(engine.locate(request, later), Error);
  const grounding::Answer answer = ask(engine, request);
  expect_reuse(answer, 0, true);
  EXPECT_LT(answer.reuse.prefix_tokens, answer.usage.prompt_tokens / 2);
  expect_same(answer, fresh("dense_tied", request));
}

}  // namespace
}  // namespace shijian::engine
