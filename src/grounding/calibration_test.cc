#include "grounding/calibration.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace shijian::grounding {
namespace {

double logit(double p) { return std::log(p / (1 - p)); }

TEST(Calibration, IsALogisticFunctionOfWhatIsKnown) {
  const Calibration calibration{{-1, 0.5, 0.25, -0.75, 2}, 1};
  const double x = -1 + 0.5 * logit(0.9) + 0.25 * logit(0.8) - 0.75 * std::log(4);
  EXPECT_NEAR(calibrated_confidence(calibration, {0.8, 0.9, 2, 1}, 4, false),
              1 / (1 + std::exp(-x)), 1e-12);
  EXPECT_NEAR(calibrated_confidence(calibration, {0.8, 0.9, 2, 1}, 4, true),
              1 / (1 + std::exp(-x - 2)), 1e-12);
  // An unknown presence is as sure as the times; what looks made up stays doubtful.
  EXPECT_EQ(calibrated_confidence(calibration, {0.8, {}, 1, 1}, 1, false),
            calibrated_confidence(calibration, {0.8, 0.8, 1, 1}, 1, false));
  EXPECT_EQ(calibrated_confidence({{9, 0, 0, 0, 0}, 1}, {0.8, 0.9, 1, 0.1}, 1, true), 0.1);
}

TEST(Calibration, CertaintyIsBounded) {
  const Calibration calibration{{0, 1, 0, 0, 0}, 1};
  EXPECT_NEAR(calibrated_confidence(calibration, {1, 1, 1, 1}, 1, true), 0.999, 1e-12);
  EXPECT_NEAR(calibrated_confidence(calibration, {1, 0, 1, 1}, 1, true), 0.001, 1e-12);
}

// Events drawn with known weights give these weights back.
TEST(Calibration, FindsTheWeightsBehindTheData) {
  const Calibration truth{{-1, 0.8, 0.4, -0.5, 1.5}, 1};
  std::mt19937 random(7);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<Judged> events;
  for (int i = 0; i < 40'000; ++i) {
    Judged event;
    event.evidence = {0.02 + 0.96 * uniform(random), 0.02 + 0.96 * uniform(random), 1, 1};
    event.windows = 1 + i % 12;
    event.surest = i % 3 == 0;
    event.right =
        uniform(random) < calibrated_confidence(truth, event.evidence, event.windows, event.surest);
    events.push_back(event);
  }
  const auto weights = fit_weights(events);
  for (size_t i = 0; i < weights.size(); ++i) EXPECT_NEAR(weights[i], truth.weights[i], 0.08) << i;
}

TEST(Calibration, StaysFiniteWhereDataAreOneSided) {
  const Judged right{{0.9, 0.9, 1, 1}, 1, true, true}, wrong{{0.2, 0.2, 1, 1}, 1, true, false};
  EXPECT_EQ(fit_weights({}), Calibration{}.weights);
  EXPECT_EQ(fit_weights(std::vector<Judged>{right, right}), Calibration{}.weights);
  // Two events that can be told apart perfectly would drive the weights without end.
  for (const double weight : fit_weights(std::vector<Judged>{right, wrong})) {
    EXPECT_LT(std::abs(weight), 20);
  }
}

TEST(Calibration, TheSurestHasTheBestEvidence) {
  std::vector<Event> events(4);
  EXPECT_EQ(surest_event(events), nullptr);
  events[1].evidence = Evidence{0.9, 0.5, 1, 1};
  events[2].evidence = Evidence{0.8, 0.9, 1, 1};
  events[3].evidence = Evidence{0.8, 0.9, 1, 1};
  EXPECT_EQ(surest_event(events), &events[2]);
}

}  // namespace
}  // namespace shijian::grounding
