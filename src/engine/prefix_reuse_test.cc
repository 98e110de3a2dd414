// Keys and values of prompts that serve the next question.
#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "engine/reuse_fixture.h"

namespace shijian::engine {
namespace {

class ReusesPrefixes : public Reuses {};

TEST_F(ReusesPrefixes, ALongerWindowFromTheSameBeginningSharesThePrefix) {
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

TEST_F(ReusesPrefixes, SeveralQuestionsInOneCall) {
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

// More room than the kept cache has.
TEST_F(ReusesPrefixes, AMuchLongerAnswerStillPaysForTheQuestion) {
  Engine engine(options("dense_tied"));
  ask(engine, question("When?"));
  LocateRequest request = question("When else?");
  request.generation.max_new_tokens = 1500;
  const grounding::Answer answer = ask(engine, request);
  expect_reuse(answer, 0, true);
  EXPECT_EQ(answer.usage.generated_tokens, 1500);
  expect_same(answer, fresh("dense_tied", request));
}

TEST_F(ReusesPrefixes, PrefixesGoWhenTheyAreTooMany) {
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

TEST_F(ReusesPrefixes, PackedPrefixesAreSmallAndAnswerAboutAlike) {
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

}  // namespace
}  // namespace shijian::engine
