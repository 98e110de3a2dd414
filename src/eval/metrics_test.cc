#include "eval/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

namespace shijian::eval {
namespace {

TEST(IntervalIou, ByHand) {
  EXPECT_DOUBLE_EQ(interval_iou({2, 6}, {2, 6}), 1);
  EXPECT_DOUBLE_EQ(interval_iou({2, 6}, {4, 8}), 2.0 / 6);
  EXPECT_DOUBLE_EQ(interval_iou({0, 10}, {2, 4}), 0.2);
  EXPECT_DOUBLE_EQ(interval_iou({0, 2}, {2, 4}), 0);  // they only touch
  EXPECT_DOUBLE_EQ(interval_iou({0, 2}, {5, 6}), 0);
  EXPECT_DOUBLE_EQ(interval_iou({3, 3}, {2, 4}), 0);  // a moment in an interval
  EXPECT_DOUBLE_EQ(interval_iou({3, 3}, {3, 3}), 1);
  EXPECT_DOUBLE_EQ(interval_iou({3, 3}, {4, 4}), 0);
}

TEST(SetIou, ByHand) {
  const std::vector<Span> truth = {{0, 2}, {4, 6}};
  EXPECT_DOUBLE_EQ(set_iou(truth, truth), 1);
  // 1..5 covers 1..2 and 4..5 of four seconds, and adds 2..4: 2 / 6.
  EXPECT_DOUBLE_EQ(set_iou(std::vector<Span>{{1, 5}}, truth), 2.0 / 6);
  // Overlapping predictions count once: 0..2 found, 2 / 4.
  EXPECT_DOUBLE_EQ(set_iou(std::vector<Span>{{0, 1.5}, {0.5, 2}}, truth), 0.5);
  EXPECT_DOUBLE_EQ(set_iou(std::vector<Span>{{4, 6}, {0, 2}}, truth), 1);  // order does not matter
  EXPECT_DOUBLE_EQ(set_iou({}, truth), 0);
  EXPECT_DOUBLE_EQ(set_iou(truth, {}), 0);
  EXPECT_DOUBLE_EQ(set_iou(std::vector<Span>{{3, 3}}, std::vector<Span>{{3, 3}}), 1);
}

TEST(AveragePrecision, ByHand) {
  const std::vector<Span> truth = {{0, 10}, {20, 30}};
  EXPECT_DOUBLE_EQ(average_precision(std::vector<Span>{{0, 10}, {20, 30}}, truth, 0.5), 1);
  EXPECT_DOUBLE_EQ(average_precision(std::vector<Span>{{0, 10}}, truth, 0.5), 0.5);
  // Wrong first: precision 0, 1/2, 2/3, made monotone 2/3: area 2/3.
  EXPECT_DOUBLE_EQ(average_precision(std::vector<Span>{{50, 60}, {0, 10}, {20, 30}}, truth, 0.5),
                   2.0 / 3);
  // Right, wrong, right: precision 1, 1/2, 2/3 -> area 1 * 1/2 + 2/3 * 1/2.
  EXPECT_DOUBLE_EQ(average_precision(std::vector<Span>{{0, 10}, {50, 60}, {20, 30}}, truth, 0.5),
                   0.5 + 1.0 / 3);
  // The second copy of a found truth is wrong.
  EXPECT_DOUBLE_EQ(average_precision(std::vector<Span>{{0, 10}, {0, 10}}, truth, 0.5), 0.5);
  EXPECT_DOUBLE_EQ(average_precision({}, truth, 0.5), 0);
}

TEST(MeanAveragePrecision, ByHand) {
  // IoU 0.72 passes 0.50, 0.55, 0.60, 0.65 and 0.70: five of ten thresholds.
  EXPECT_DOUBLE_EQ(mean_average_precision(std::vector<Span>{{0, 7.2}}, std::vector<Span>{{0, 10}}),
                   0.5);
  EXPECT_DOUBLE_EQ(mean_average_precision(std::vector<Span>{{0, 10}}, std::vector<Span>{{0, 10}}),
                   1);
}

TEST(EventF1, ByHand) {
  const std::vector<Span> truth = {{0, 10}, {20, 30}};
  EXPECT_DOUBLE_EQ(event_f1(truth, truth), 1);
  EXPECT_DOUBLE_EQ(event_f1({}, truth), 0);
  EXPECT_DOUBLE_EQ(event_f1({}, {}), 1);
  // One of two, and a false alarm: 2 * 1 / 4 at each threshold.
  EXPECT_DOUBLE_EQ(event_f1(std::vector<Span>{{0, 10}, {50, 60}}, truth), 0.5);
  // An IoU of 0.6 does for three of the four thresholds; the second of two that overlap counts as
  // a false alarm.
  EXPECT_DOUBLE_EQ(event_f1(std::vector<Span>{{0, 6}}, truth), 0.75 * 2 / 3);
  EXPECT_DOUBLE_EQ(event_f1(std::vector<Span>{{0, 10}, {1, 10}}, truth), 0.5);
}

TEST(Summary, ByHand) {
  std::vector<ItemScore> scores(6);
  scores[0].iou = 0.9;
  scores[0].set_iou = 0.6;
  scores[0].map = 0.5;
  scores[1].iou = 0.5;  // a threshold itself counts
  scores[2].unparsed = true;
  scores[3].rejected = true;  // wrongly
  scores[4].occurs = scores[5].occurs = false;
  scores[4].rejected = true;
  for (ItemScore& score : scores) score.seconds = 2;
  const Summary sum = summarize(scores);
  EXPECT_EQ(sum.questions, 6u);
  EXPECT_EQ(sum.occurring, 4u);
  EXPECT_EQ(sum.absent, 2u);
  EXPECT_DOUBLE_EQ(sum.r1[0], 0.5);
  EXPECT_DOUBLE_EQ(sum.r1[1], 0.5);
  EXPECT_DOUBLE_EQ(sum.r1[2], 0.25);
  EXPECT_DOUBLE_EQ(sum.miou, 1.4 / 4);
  EXPECT_DOUBLE_EQ(sum.set_iou, 0.15);
  EXPECT_DOUBLE_EQ(sum.map, 0.125);
  EXPECT_DOUBLE_EQ(sum.absent_rejected, 0.5);
  EXPECT_DOUBLE_EQ(sum.occurring_rejected, 0.25);
  EXPECT_DOUBLE_EQ(sum.unparsed, 1.0 / 6);
  EXPECT_DOUBLE_EQ(sum.seconds_per_question, 2);
  EXPECT_EQ(summarize({}).questions, 0u);
}

TEST(Summary, Boundaries) {
  std::vector<ItemScore> scores(3);
  for (int i = 1; i <= 10; ++i) {
    // Nine within what was said of them, and one of which nothing was said.
    scores[i % 2].boundaries.push_back({i / 10.0, i < 10 ? 1.0 : -1});
  }
  scores[2].occurs = false;
  scores[0].vision_tokens = 300;
  const Summary sum = summarize(scores);
  EXPECT_EQ(sum.boundaries, 10u);
  EXPECT_DOUBLE_EQ(sum.boundary_median, 0.5);
  EXPECT_DOUBLE_EQ(sum.boundary_p90, 0.9);
  EXPECT_DOUBLE_EQ(sum.coverage, 0.9);
  EXPECT_DOUBLE_EQ(sum.vision_tokens, 100);
}

TEST(CalibrationError, ByHand) {
  std::vector<ItemScore> scores(5);
  // One bin: confidence 0.9 on average, two of three right. Another: sure and right. One without.
  scores[0].confidence = 0.85;
  scores[1].confidence = 0.9;
  scores[2].confidence = 0.95;
  scores[0].iou = scores[2].iou = 0.6;
  EXPECT_NEAR(expected_calibration_error(std::span(scores).first(1)), 0.15, 1e-12);
  const double first = std::abs(0.85 - 1), second = std::abs(0.9 + 0.95 - 1);
  EXPECT_NEAR(expected_calibration_error(std::span(scores).first(3)), (first + second) / 3, 1e-12);
  scores[3].confidence = 1;
  scores[3].iou = 1;
  EXPECT_NEAR(expected_calibration_error(scores), (first + second) / 4, 1e-9);
  EXPECT_EQ(expected_calibration_error({}), 0);
}

}  // namespace
}  // namespace shijian::eval
