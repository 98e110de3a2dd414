#include "model/generate.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "model/tiny_checkpoint.h"

namespace shijian::model {
namespace {

class GenerateTest : public testing::Test {
 protected:
  GenerateTest() {
    tiny_.make();
    tiny_.write();
    checkpoint_.emplace(checkpoint::Checkpoint::open(tiny_.directory()));
    weights_ = bind_weights(*checkpoint_);
    decoder_.emplace(checkpoint_->config().text, weights_.text, pool_);
    cache_.emplace(decoder_->make_cache(40));
    options_.max_new_tokens = 12;
  }
  Generated run() {
    cache_->truncate(0);
    PositionIds positions;
    append_positions(positions, 4, {});
    const tensor::ConstMatrix logits = decoder_->forward({prompt_, positions, {}}, *cache_);
    return generate(*decoder_, *cache_, logits, positions.next, prompt_, options_);
  }
  static std::vector<int32_t> ids(const Generated& generated) {
    std::vector<int32_t> result;
    for (const TokenChoice& choice : generated.tokens) result.push_back(choice.token);
    return result;
  }

  TinyCheckpoint tiny_;
  std::optional<checkpoint::Checkpoint> checkpoint_;
  ModelWeights weights_;
  ThreadPool pool_{2};
  std::optional<Decoder> decoder_;
  std::optional<KvCache> cache_;
  std::vector<int32_t> prompt_ = {9, 20, 31, 8};
  GenerateOptions options_;
};

TEST_F(GenerateTest, GreedyTokensAreThoseOfOneRunOverAllOfThem) {
  const Generated generated = run();
  EXPECT_EQ(generated.reason, FinishReason::kLength);
  ASSERT_EQ(generated.tokens.size(), 12u);
  EXPECT_EQ(cache_->length(), 4 + 11);  // the last token is not fed back

  std::vector<int32_t> all = prompt_;
  for (int32_t id : ids(generated)) all.push_back(id);
  PositionIds positions;
  append_positions(positions, 16, {});
  cache_->truncate(0);
  ForwardOptions forward;
  forward.logits = LogitRows::kAll;
  const tensor::ConstMatrix logits = decoder_->forward({all, positions, {}}, *cache_, forward);
  for (int64_t i = 0; i < 12; ++i) {
    const float* row = logits.row(i + 3);
    const auto best = std::max_element(row, row + 40) - row;
    EXPECT_EQ(best, all[static_cast<size_t>(i + 4)]) << i;
  }
}

TEST_F(GenerateTest, AStopTokenEndsItAndIsKeptApart) {
  const std::vector<int32_t> free = ids(run());
  const auto place = std::find(free.begin(), free.end(), free[5]) - free.begin();
  options_.stop_tokens = {free[5]};
  const Generated stopped = run();
  EXPECT_EQ(stopped.reason, FinishReason::kStopToken);
  EXPECT_EQ(ids(stopped), std::vector<int32_t>(free.begin(), free.begin() + place));
  ASSERT_TRUE(stopped.stop);
  EXPECT_EQ(stopped.stop->token, free[5]);
}

TEST_F(GenerateTest, TheCallerSeesEachTokenAndMayStop) {
  std::vector<int32_t> seen;
  options_.on_token = [&](const TokenChoice& choice) {
    seen.push_back(choice.token);
    return seen.size() < 3;
  };
  const Generated generated = run();
  EXPECT_EQ(generated.reason, FinishReason::kCaller);
  EXPECT_EQ(ids(generated), seen);
  EXPECT_EQ(seen.size(), 3u);
}

TEST_F(GenerateTest, AConstraintDecidesWhatMayBeChosen) {
  options_.constrain = [](std::span<const TokenChoice> so_far, std::span<float> scores) {
    for (size_t i = 0; i < scores.size(); ++i) {
      if (i % 2 != so_far.size() % 2) scores[i] = -std::numeric_limits<float>::infinity();
    }
  };
  const std::vector<int32_t> tokens = ids(run());
  for (size_t i = 0; i < tokens.size(); ++i) EXPECT_EQ(tokens[i] % 2, static_cast<int32_t>(i % 2));
}

TEST_F(GenerateTest, ForcedTokensAreReadInOnePassAndChangeNothingElse) {
  const std::vector<int32_t> free = ids(run());
  ASSERT_GE(free.size(), 6u);
  std::vector<int32_t> seen;
  options_.on_token = [&](const TokenChoice& choice) {
    seen.push_back(choice.token);
    return true;
  };
  // What would have come anyway, two tokens at a time behind each choice.
  options_.forced = [&](std::span<const TokenChoice> so_far) {
    const size_t at = so_far.size();
    if (at % 3 != 1 || at + 2 > free.size()) return std::vector<int32_t>();
    return std::vector<int32_t>(free.begin() + static_cast<ptrdiff_t>(at),
                                free.begin() + static_cast<ptrdiff_t>(at) + 2);
  };
  const Generated generated = run();
  EXPECT_EQ(ids(generated), free);
  EXPECT_EQ(seen, free);
  EXPECT_EQ(generated.tokens[1].logprob, 0);
  EXPECT_TRUE(generated.tokens[1].top.empty());
  EXPECT_LT(generated.tokens[0].logprob, 0);
}

TEST_F(GenerateTest, AFullCacheEndsItLikeTheLength) {
  cache_.emplace(decoder_->make_cache(6));
  const Generated generated = run();
  EXPECT_EQ(generated.reason, FinishReason::kLength);
  EXPECT_EQ(generated.tokens.size(), 3u);
}

TEST_F(GenerateTest, SeedsRepeatAndDiffer) {
  options_.sampling.temperature = 1.5;
  options_.sampling.seed = 1;
  const auto first = ids(run());
  EXPECT_EQ(ids(run()), first);
  options_.sampling.seed = 2;
  EXPECT_NE(ids(run()), first);
}

TEST_F(GenerateTest, CanBeCancelled) {
  std::stop_source source;
  options_.cancel = source.get_token();
  int count = 0;
  options_.on_token = [&](const TokenChoice&) {
    if (++count == 4) source.request_stop();
    return true;
  };
  try {
    run();
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kCancelled);
  }
  EXPECT_EQ(count, 4);
}

TEST_F(GenerateTest, ZeroTokensAreNone) {
  options_.max_new_tokens = 0;
  EXPECT_TRUE(run().tokens.empty());
}

}  // namespace
}  // namespace shijian::model
