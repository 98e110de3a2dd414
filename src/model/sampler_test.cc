#include "model/sampler.h"

#include <gmock/gmock.h>

#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace shijian::model {
namespace {

using testing::ElementsAre;

using Logits = std::vector<float>;

std::vector<int> counts(SamplerOptions options, const Logits& logits, int draws) {
  Sampler sampler(options, static_cast<int64_t>(logits.size()), {}, {});
  std::vector<int> result(logits.size());
  for (int i = 0; i < draws; ++i) ++result[static_cast<size_t>(sampler.choose(logits).token)];
  return result;
}

TEST(Sampler, GreedyTakesTheBestAndTheLowerOfEquals) {
  Sampler sampler({}, 4, {}, {});
  EXPECT_EQ(sampler.choose(Logits{1, 3, 2, 3}).token, 1);
  EXPECT_EQ(sampler.choose(Logits{1, 3, 2, 4}).token, 3);
}

TEST(Sampler, LogprobsAreThoseOfTheModel) {
  SamplerOptions options;
  options.top_logprobs = 2;
  options.repetition_penalty = 5;
  const std::vector<int32_t> prompt = {2};
  Sampler sampler(options, 3, prompt, {});
  const TokenChoice choice = sampler.choose(Logits{0, 1, 2});
  const double sum = std::exp(0) + std::exp(1) + std::exp(2);
  EXPECT_EQ(choice.token, 1);  // 2 was divided by 5
  EXPECT_NEAR(choice.logprob, 1 - std::log(sum), 1e-6);
  ASSERT_EQ(choice.top.size(), 2u);
  EXPECT_EQ(choice.top[0].token, 2);
  EXPECT_NEAR(choice.top[0].logprob, 2 - std::log(sum), 1e-6);
  EXPECT_EQ(choice.top[1].token, 1);
}

TEST(Sampler, RepetitionPenaltyCoversPromptAndGenerated) {
  SamplerOptions options;
  options.repetition_penalty = 2;
  const std::vector<int32_t> prompt = {0};
  Sampler sampler(options, 3, prompt, {});
  EXPECT_EQ(sampler.choose(Logits{5, 3, 1}).token, 1);       // 2.5, 3, 1
  EXPECT_EQ(sampler.choose(Logits{5, 3, 1}).token, 0);       // 2.5, 1.5, 1
  EXPECT_EQ(sampler.choose(Logits{-1, -2, -1.5}).token, 2);  // -2, -4, -1.5
}

TEST(Sampler, PresencePenaltyCoversGeneratedAlone) {
  SamplerOptions options;
  options.presence_penalty = 1.5;
  const std::vector<int32_t> prompt = {0};
  Sampler sampler(options, 2, prompt, {});
  EXPECT_EQ(sampler.choose(Logits{2, 1}).token, 0);
  EXPECT_EQ(sampler.choose(Logits{2, 1}).token, 1);  // 0.5, 1
  EXPECT_EQ(sampler.choose(Logits{2, 1}).token, 0);  // 0.5, -0.5: once, not each time
}

TEST(Sampler, NoStopTokenBeforeTheMinimum) {
  SamplerOptions options;
  options.min_tokens = 2;
  const std::vector<int32_t> stop = {1};
  Sampler sampler(options, 2, {}, stop);
  const Logits logits = {0, 9};
  EXPECT_EQ(sampler.choose(logits).token, 0);
  EXPECT_EQ(sampler.choose(logits).token, 0);
  EXPECT_EQ(sampler.choose(logits).token, 1);
}

TEST(Sampler, DrawsFollowTheTemperature) {
  SamplerOptions options;
  options.temperature = 2;
  const auto seen = counts(options, {0, 2, -60}, 20000);
  const double share = 1 / (1 + std::exp(-1.0));
  EXPECT_NEAR(seen[1] / 20000.0, share, 0.015);
  EXPECT_EQ(seen[2], 0);
}

TEST(Sampler, TopKKeepsTheBestAndTheirEquals) {
  SamplerOptions options;
  options.temperature = 1;
  options.top_k = 2;
  const auto seen = counts(options, {1, 0, 1, 1, 0.5}, 3000);
  EXPECT_GT(seen[0], 800);
  EXPECT_GT(seen[2], 800);
  EXPECT_GT(seen[3], 800);
  EXPECT_EQ(seen[1] + seen[4], 0);
}

TEST(Sampler, TopPKeepsTheSmallestSetThatReachesIt) {
  SamplerOptions options;
  options.temperature = 1;
  const Logits logits = {std::log(0.5f), std::log(0.3f), std::log(0.15f), std::log(0.05f)};
  options.top_p = 0.79;
  EXPECT_THAT(counts(options, logits, 500), ElementsAre(testing::Gt(0), testing::Gt(0), 0, 0));
  options.top_p = 0.81;
  EXPECT_THAT(counts(options, logits, 500),
              ElementsAre(testing::Gt(0), testing::Gt(0), testing::Gt(0), 0));
  for (const double least : {1e-9, 0.0}) {
    options.top_p = least;
    EXPECT_THAT(counts(options, logits, 500), ElementsAre(500, 0, 0, 0));
  }
}

TEST(Sampler, SeedAndStepDecideTheDraw) {
  EXPECT_EQ(uniform_at(0, 0), uniform_at(0, 0));
  EXPECT_NE(uniform_at(0, 0), uniform_at(0, 1));
  EXPECT_NE(uniform_at(0, 0), uniform_at(1, 0));
  // The generator's own numbers, so that no machine and no later change may give others.
  EXPECT_EQ(uniform_at(42, 0), 0x1.14b4f4f3974bap-2);
  EXPECT_EQ(uniform_at(42, 1000), 0x1.f653e2d4c42p-1);
  double sum = 0;
  for (uint64_t i = 0; i < 10000; ++i) sum += uniform_at(9, i);
  EXPECT_NEAR(sum / 10000, 0.5, 0.01);
  SamplerOptions options;
  options.temperature = 1;
  options.seed = 3;
  const Logits flat(50, 0.0f);
  EXPECT_EQ(counts(options, flat, 200), counts(options, flat, 200));
}

TEST(Sampler, AnEditBansTokens) {
  const float ban = -std::numeric_limits<float>::infinity();
  Sampler sampler({}, 3, {}, {});
  EXPECT_EQ(sampler.choose(Logits{3, 2, 1}, [&](std::span<float> s) { s[0] = ban; }).token, 1);
  EXPECT_THROW(sampler.choose(Logits{3, 2, 1},
                              [&](std::span<float> s) { std::fill(s.begin(), s.end(), ban); }),
               Error);
}

TEST(Sampler, RefusesLogitsThatAreNoNumbers) {
  Sampler sampler({}, 2, {}, {});
  EXPECT_THROW(sampler.choose(Logits{NAN, 1}), Error);
  EXPECT_THROW(sampler.choose(Logits{1, NAN}), Error);
  EXPECT_THROW(sampler.choose(Logits{1, INFINITY}), Error);
}

TEST(Sampler, RefusesOptionsOutOfRange) {
  const auto refused = [](auto change) {
    SamplerOptions options;
    change(options);
    try {
      check_sampling(options);
    } catch (const Error& e) {
      return e.code() == ErrorCode::kUsage;
    }
    return false;
  };
  EXPECT_TRUE(refused([](auto& o) { o.temperature = -1; }));
  EXPECT_TRUE(refused([](auto& o) { o.temperature = NAN; }));
  EXPECT_TRUE(refused([](auto& o) { o.top_k = -1; }));
  EXPECT_TRUE(refused([](auto& o) { o.top_p = -0.1; }));
  EXPECT_TRUE(refused([](auto& o) { o.top_p = 1.1; }));
  EXPECT_TRUE(refused([](auto& o) { o.repetition_penalty = 0; }));
  EXPECT_TRUE(refused([](auto& o) { o.presence_penalty = INFINITY; }));
  EXPECT_TRUE(refused([](auto& o) { o.min_tokens = -1; }));
  EXPECT_TRUE(refused([](auto& o) { o.top_logprobs = -1; }));
  EXPECT_FALSE(refused([](auto&) {}));
}

}  // namespace
}  // namespace shijian::model
