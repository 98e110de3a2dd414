#include "engine/prefix_cache.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/threads.h"
#include "checkpoint/checkpoint.h"
#include "model/weights.h"
#include "source_dir.h"

namespace shijian::engine {
namespace {

constexpr int64_t kAll = std::numeric_limits<int64_t>::max();

// Four tokens of text, `names.size()` blocks of 2 x 5 visual tokens with a token of text behind
// each, and `question` tokens of a question.
TokenSequence prompt(const std::vector<std::string>& names, int question, int32_t first_word) {
  TokenSequence sequence;
  sequence.ids = {1, 2, 3, 4};
  for (size_t i = 0; i < names.size(); ++i) {
    const auto first = static_cast<int64_t>(sequence.ids.size());
    sequence.blocks.push_back({{first, {2, 5}}, 0, static_cast<int64_t>(i) * 10, names[i]});
    sequence.ids.insert(sequence.ids.end(), 10, 7);
    sequence.ids.push_back(static_cast<int32_t>(100 + i));
  }
  for (int i = 0; i < question; ++i) sequence.ids.push_back(first_word + i);
  return sequence;
}

int64_t common(const Prefix& held, const TokenSequence& prompt) {
  return common_prefix(held.prompt, held.length(), prompt);
}

class PrefixCacheTest : public testing::Test {
 protected:
  // A cache that holds all of a prompt; every row tells token, layer and plane.
  Prefix read(const TokenSequence& sequence, float mark = 0) {
    const auto tokens = static_cast<int64_t>(sequence.ids.size());
    Prefix prefix{decoder_.make_cache(tokens + 10), sequence};
    for_rows(prefix.cache, tokens, [&](float& value, float expected) { value = expected + mark; });
    prefix.cache.extend(tokens);
    return prefix;
  }
  static void expect_rows(Prefix& prefix, float mark = 0) {
    for_rows(prefix.cache, prefix.length(),
             [&](const float& value, float expected) { ASSERT_EQ(value, expected + mark); });
  }
  template <typename Body>
  static void for_rows(model::KvCache& cache, int64_t tokens, const Body& body) {
    for (int64_t layer = 0; layer < cache.layers(); ++layer) {
      for (int64_t token = 0; token < tokens; ++token) {
        body(cache.keys(layer, token, 1).data[0], static_cast<float>(token * 100 + layer));
        body(cache.values(layer, token, 1).data[cache.width() - 1],
             static_cast<float>(token * 100 + layer) + 0.5f);
      }
    }
  }

  const checkpoint::Checkpoint checkpoint_ =
      checkpoint::Checkpoint::open(source_dir() / "tests/reference/checkpoints/dense_tied");
  const model::ModelWeights weights_ = model::bind_weights(checkpoint_);
  ThreadPool pool_{1};
  model::Decoder decoder_{checkpoint_.config().text, weights_.text, pool_};
  PrefixCache cache_{decoder_, pool_, {int64_t{1} << 30, false}};
};

TEST_F(PrefixCacheTest, APrefixEndsWhereTokensOrFeaturesDiffer) {
  const Prefix held = read(prompt({"a", "b", "c"}, 5, 1000));
  EXPECT_EQ(common(held, prompt({"a", "b", "c"}, 9, 2000)), 4 + 3 * 11);
  EXPECT_EQ(common(held, prompt({"a", "b", "c"}, 5, 1000)), 4 + 3 * 11 + 4) << "not the last";
  EXPECT_EQ(common(held, prompt({"a", "x", "c"}, 5, 1000)), 4 + 11);
  EXPECT_EQ(common(held, prompt({"x", "b", "c"}, 5, 1000)), 4);
  EXPECT_EQ(common(held, prompt({"a"}, 5, 1000)), 4 + 11);
  TokenSequence wider = prompt({"a", "b", "c"}, 5, 1000);
  wider.blocks[1].block.grid = {5, 2};
  EXPECT_EQ(common(held, wider), 4 + 11);
}

TEST_F(PrefixCacheTest, ABlockThatIsHeldInPartIsReadWhole) {
  Prefix held = read(prompt({"a", "b", "c"}, 5, 1000));
  held.truncate(4 + 11 + 3);
  EXPECT_EQ(held.prompt.blocks.size(), 2u);
  EXPECT_EQ(common(held, prompt({"a", "b", "c"}, 5, 1000)), 4 + 11);
}

TEST_F(PrefixCacheTest, AnotherQuestionTakesTheCacheOver) {
  cache_.keep(read(prompt({"a", "b", "c"}, 5, 1000)));
  const int64_t bytes = cache_.bytes();
  EXPECT_GT(bytes, 0);
  Prefix taken = cache_.take(prompt({"a", "b", "c"}, 5, 2000), 40, 0);
  EXPECT_EQ(taken.length(), 4 + 3 * 11);
  expect_rows(taken);
  EXPECT_EQ(cache_.bytes(), 0);
  Prefix none = cache_.take(prompt({"a", "b", "c"}, 5, 2000), 40, 0);
  EXPECT_EQ(none.length(), 0);
  EXPECT_GE(none.cache.capacity(), 40);
  cache_.keep(std::move(taken));
  EXPECT_LT(cache_.bytes(), bytes);
}

TEST_F(PrefixCacheTest, APartOfAVideoIsCopied) {
  cache_.keep(read(prompt({"a", "b", "c", "d"}, 5, 1000)));
  const int64_t bytes = cache_.bytes();
  Prefix part = cache_.take(prompt({"a", "b", "c"}, 5, 1000), 40, 0);
  EXPECT_EQ(part.length(), 4 + 3 * 11);
  expect_rows(part);
  EXPECT_EQ(cache_.bytes(), bytes) << "the longer one stays";
  // Too little of it to be worth anything.
  EXPECT_EQ(cache_.take(prompt({"a"}, 5, 1000), 20, 0).length(), 0);
}

TEST_F(PrefixCacheTest, MoreRoomIsMadeByCopying) {
  cache_.keep(read(prompt({"a", "b", "c"}, 5, 1000)));
  Prefix roomy = cache_.take(prompt({"a", "b", "c"}, 5, 2000), 5000, 0);
  EXPECT_GE(roomy.cache.capacity(), 5000);
  EXPECT_EQ(roomy.length(), 4 + 3 * 11);
  expect_rows(roomy);
}

TEST_F(PrefixCacheTest, TheLongestIsTaken) {
  cache_.keep(read(prompt({"a", "b", "c", "x"}, 5, 1000), 1));
  cache_.keep(read(prompt({"a", "b", "c", "d"}, 5, 1000), 2));
  cache_.keep(read(prompt({"z", "b", "c", "d"}, 5, 1000), 3));
  Prefix taken = cache_.take(prompt({"a", "b", "c", "d"}, 7, 2000), 60, 0);
  EXPECT_EQ(taken.length(), 4 + 4 * 11);
  expect_rows(taken, 2);
}

// Where memory is short, what is kept makes room; what is asked about is still used, in place.
TEST_F(PrefixCacheTest, KeptPrefixesMakeRoom) {
  cache_.keep(read(prompt({"x", "y", "z"}, 5, 1000)));
  cache_.keep(read(prompt({"a", "b", "c", "d"}, 5, 1000)));
  Prefix part = cache_.take(prompt({"a", "b", "c"}, 5, 1000), 40, kAll);
  EXPECT_EQ(part.length(), 4 + 3 * 11);
  expect_rows(part);
  EXPECT_EQ(cache_.bytes(), 0);
  cache_.keep(std::move(part));
  EXPECT_EQ(cache_.take(prompt({"q", "b", "c"}, 5, 1000), 40, kAll).length(), 0);
  EXPECT_EQ(cache_.bytes(), 0);
}

}  // namespace
}  // namespace shijian::engine
