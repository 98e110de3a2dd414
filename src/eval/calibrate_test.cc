#include "eval/calibrate.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace shijian::eval {
namespace {

grounding::Event event_at(double start, double presence) {
  grounding::Event event;
  event.start = start;
  event.end = start + 10;
  event.start_uncertainty = event.end_uncertainty = 1;
  event.evidence = grounding::Evidence{0.9, presence, 1, 1};
  return event;
}

EvalItem item_at(double start) {
  EvalItem item;
  item.spans = {{start, start + 10}};
  return item;
}

TEST(Calibrate, LearnsFromWhatWasBelievedAndWhatWasRejected) {
  Calibrator calibrator;
  for (int i = 0; i < 100; ++i) {
    grounding::Answer answer;
    answer.sampling.windows = 10;
    // Boundaries are off by 0.0, 0.1, ... 1.9 of their uncertainty.
    answer.events = {event_at(100 + i % 20 * 0.1, 0.95), event_at(300, 0.8)};
    answer.rejected = {event_at(500, 0.2)};
    calibrator.add(item_at(100), answer);
  }
  const CalibrationData data = calibrator.data();
  EXPECT_EQ(data.events, 300u);
  EXPECT_EQ(data.right, 100u);
  EXPECT_EQ(data.boundaries, 200u);
  const grounding::Calibration calibration = calibrator.fit();
  EXPECT_NEAR(calibration.uncertainty, 1.7, 1e-9);
  EXPECT_GT(calibrated_confidence(calibration, {0.9, 0.95, 1, 1}, 10, true), 0.9);
  EXPECT_LT(calibrated_confidence(calibration, {0.9, 0.8, 1, 1}, 10, false), 0.1);
}

TEST(Calibrate, NeedsEnoughToLearnFrom) {
  Calibrator calibrator;
  grounding::Answer answer;
  answer.events = {event_at(100, 0.9)};
  calibrator.add(item_at(100), answer);
  EXPECT_THROW(calibrator.fit(), Error);
}

}  // namespace
}  // namespace shijian::eval
