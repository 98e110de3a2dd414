// What questions attend to, on checkpoints with random weights, dense and sparse.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/reuse_fixture.h"

namespace shijian::engine {
namespace {

class ReadsAttention : public Reuses, public testing::WithParamInterface<const char*> {
 protected:
  static EngineOptions with_heads(const std::string& name) {
    EngineOptions chosen = options(name);
    chosen.readout.heads = {{0, 1}, {1, 0}};
    chosen.readout.rows = 3;
    return chosen;
  }
  static std::vector<double> values(const grounding::Answer& answer) {
    std::vector<double> values;
    for (const grounding::CurvePoint& point : answer.curve) values.push_back(point.value);
    return values;
  }
};

TEST_P(ReadsAttention, OfEverySlotAndTheSameWhateverIsKnown) {
  const LocateRequest first = question("When is the red circle visible?");
  const LocateRequest second = question("什么时候出现蓝色的方块？");
  Engine engine(with_heads(GetParam()));
  const grounding::Answer a = ask(engine, first);
  ASSERT_EQ(a.curve.size(), a.sampling.slot_times.size());
  for (size_t i = 0; i < a.curve.size(); ++i) {
    EXPECT_EQ(a.curve[i].time, a.sampling.slot_times[i]);
    EXPECT_TRUE(std::isfinite(a.curve[i].value) && a.curve[i].value >= 0);
  }
  const grounding::Answer b = ask(engine, second);
  EXPECT_NE(values(a), values(b));
  EXPECT_EQ(values(ask(engine, first)), values(a));
  // Both at once, and in an engine that knows nothing.
  LocateRequest both = first;
  both.questions.push_back(second.questions.front());
  EngineOptions fresh = with_heads(GetParam());
  fresh.cache.enabled = false;
  const LocateResult result = Engine(fresh).locate(both);
  EXPECT_EQ(values(result.answers[0]), values(a));
  EXPECT_EQ(values(result.answers[1]), values(b));
  // Reading changes no word.
  EngineOptions plain = options(GetParam());
  Engine unread(plain);
  const grounding::Answer c = ask(unread, first);
  EXPECT_TRUE(same_tokens(c.tokens, a.tokens));
  EXPECT_TRUE(c.curve.empty());
}

TEST_P(ReadsAttention, OfAllHeadsWhereSomebodyChoosesThem) {
  EngineOptions plain = options(GetParam());
  Engine engine(plain);
  const checkpoint::TextConfig& text = engine.checkpoint().config().text;
  int calls = 0;
  RunHooks hooks;
  hooks.attention = [&](const HeadsAttention& seen) {
    ++calls;
    EXPECT_EQ(seen.question, 0u);
    EXPECT_EQ(static_cast<int64_t>(seen.heads.size()), text.num_layers * text.num_heads);
    EXPECT_EQ(seen.with.size(), seen.heads.size());
    EXPECT_EQ(seen.without.size(), seen.heads.size());
    for (const auto& slots : seen.with) EXPECT_EQ(slots.size(), seen.slot_times.size());
  };
  engine.locate(question("When?"), hooks);
  EXPECT_EQ(calls, 1);
}

INSTANTIATE_TEST_SUITE_P(Models, ReadsAttention, testing::Values("dense_tied", "moe_5", "nano"),
                         [](const auto& which) { return std::string(which.param); });

TEST_F(Reuses, HeadsOfAnotherModelAreRefused) {
  EngineOptions chosen = options("dense_tied");
  chosen.readout.heads = {{99, 0}};
  EXPECT_THROW(Engine{chosen}, Error);
}

}  // namespace
}  // namespace shijian::engine
