#include "eval/baselines.h"

#include <gtest/gtest.h>

namespace shijian::eval {
namespace {

EvalItem item(double duration, std::vector<Span> spans, std::string kind = "visible") {
  EvalItem made;
  made.duration = duration;
  made.spans = std::move(spans);
  made.kind = std::move(kind);
  made.language = "en";
  return made;
}

TEST(ConstantAnswer, FindsTheFractionThatFitsMost) {
  // Two events at 20-40% of clips of different lengths, one elsewhere, one absent.
  const std::vector<EvalItem> items = {item(10, {{2, 4}}), item(50, {{10, 20}}),
                                       item(100, {{90, 100}}), item(10, {})};
  const ConstantAnswer best = best_constant_fraction(items);
  EXPECT_NEAR(best.start, 0.2, 1e-9);
  EXPECT_NEAR(best.end, 0.4, 1e-9);
  EXPECT_NEAR(best.r1[1], 2.0 / 3, 1e-12);
  EXPECT_NEAR(best.miou, 2.0 / 3, 1e-9);
}

TEST(ConstantAnswer, FindsTheSecondsThatFitMost) {
  const std::vector<EvalItem> items = {item(10, {{2, 4}}), item(50, {{2, 4}}),
                                       item(60, {{20, 30}})};
  const ConstantAnswer best = best_constant_seconds(items);
  EXPECT_NEAR(best.start, 2, 0.15);  // the grid's step is 0.3 s
  EXPECT_NEAR(best.end, 4, 0.15);
  EXPECT_NEAR(best.r1[1], 2.0 / 3, 1e-12);
}

TEST(ConstantAnswer, NothingToScore) {
  EXPECT_EQ(best_constant_fraction({}).miou, 0);
  EXPECT_EQ(best_constant_seconds(std::vector<EvalItem>{item(10, {})}).miou, 0);
  EXPECT_EQ(best_constant_fraction(std::vector<EvalItem>{item(0, {{1, 2}})}).r1[0], 0);
}

TEST(QuestionOnly, HasOneConstantForEachKindFromOtherVideos) {
  std::vector<EvalItem> items = {item(10, {{0, 2}}, "a"), item(20, {{0, 4}}, "a"),
                                 item(10, {{8, 10}}, "b"), item(20, {{16, 20}}, "b")};
  for (size_t i = 0; i < items.size(); ++i) items[i].video = i % 2 == 0 ? "one" : "two";
  EXPECT_NEAR(question_only(items).r1[2], 1, 1e-12);
  EXPECT_NEAR(question_only(items).miou, 1, 1e-9);
  EXPECT_NEAR(best_constant_fraction(items).r1[1], 0.5, 1e-12);
  // What a video's own questions say does not help with them.
  for (EvalItem& i : items) i.video = i.kind == "a" ? "one" : "two";
  EXPECT_LT(question_only(items).miou, 0.1);
}

TEST(SamplingCeiling, IsTheBestPairOfSlots) {
  const std::vector<double> times = {0.5, 1.5, 2.5, 3.5, 4.5};
  const auto ceiling = [&](std::vector<Span> truth) {
    return sampling_ceiling({times, 0, 5}, false, truth);
  };
  // 1.4 - 3.4: 1.5 - 3.5 overlaps 1.9 of 2.1.
  EXPECT_NEAR(ceiling({{1.4, 3.4}}), 1.9 / 2.1, 1e-12);
  EXPECT_DOUBLE_EQ(ceiling({{1.5, 4.5}}), 1);
  // Between two slots nothing better than the whole gap: 0.4 of 1.
  EXPECT_NEAR(ceiling({{1.8, 2.2}}), 0.4, 1e-12);
  // Beyond the last slot.
  EXPECT_NEAR(ceiling({{3.5, 6.0}}), 1.0 / 2.5, 1e-12);
  EXPECT_EQ(sampling_ceiling({}, false, std::vector<Span>{{1, 2}}), 0);
  // The best of several truths.
  EXPECT_DOUBLE_EQ(ceiling({{1.8, 2.2}, {2.5, 4.5}}), 1);
}

TEST(SamplingCeiling, IsTheBestTimeThatSlotsStandFor) {
  const std::vector<double> times = {0.5, 1.5, 2.5, 3.5, 4.5};
  const auto ceiling = [&](std::vector<Span> truth) {
    return sampling_ceiling({times, 0, 5}, true, truth);
  };
  EXPECT_DOUBLE_EQ(ceiling({{1.25, 3.75}}), 1) << "a quarter of a gap on both sides";
  EXPECT_DOUBLE_EQ(ceiling({{0, 5}}), 1) << "all the time";
  EXPECT_DOUBLE_EQ(ceiling({{2, 3}}), 1) << "one slot";
  EXPECT_NEAR(ceiling({{2.2, 3.7}}), 1.45 / 1.55, 1e-12) << "2.25 - 3.75";
  EXPECT_DOUBLE_EQ(
      sampling_ceiling({std::vector<double>{2}, 0, 4}, true, std::vector<Span>{{0, 2}}), 0.5);
}

}  // namespace
}  // namespace shijian::eval
