// The steps from windows to boundaries with perfect answers in the model's place: what they lose is
// lost by the pipeline, and by no model.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "grounding/slot_stamps.h"
#include "localise/rest.h"
#include "localise/verify.h"
#include "localise/windows.h"
#include "localise/zoom.h"

namespace shijian::localise {
namespace {

using grounding::Event;

constexpr double kHour = 3600, kFrameRate = 25, kUsual = 2, kWindow = 30;

// Says of a part what a model that errs in nothing says whose answers name one event, the longest
// there, by the slots that show it.
class PerfectModel {
 public:
  explicit PerfectModel(std::vector<Event> truth) : truth_(std::move(truth)) {}

  Sighting operator()(const Look& look) {
    frames_ += (look.to - look.from) * look.fps;
    std::vector<double> frames;
    for (double t = look.from; t < look.to - 1e-9; t += 1 / look.fps) frames.push_back(t);
    if (frames.size() % 2 == 1) frames.push_back(frames.back());
    std::vector<double> slots;
    for (size_t i = 0; i < frames.size(); i += 2) slots.push_back((frames[i] + frames[i + 1]) / 2);
    Sighting seen{{}, grounding::slot_gap(slots, look.from), 0.01};
    size_t most = 0;
    for (const Event& event : truth_) {
      std::vector<size_t> shown;
      for (size_t i = 0; i < frames.size(); ++i) {
        if (frames[i] >= event.start && frames[i] < event.end) shown.push_back(i / 2);
      }
      if (shown.size() <= most) continue;
      most = shown.size();
      const auto time =
          grounding::time_of_slots({slots, look.from, look.to, 1}, shown.front(), shown.back());
      Event found;
      found.start = time.start;
      found.end = time.end;
      found.confidence = 0.99;
      found.evidence = grounding::Evidence{0.99, 0.99, 1, 1};
      found.start_uncertainty = found.end_uncertainty = 0.45 * seen.gap;
      seen.events = {found};
      seen.presence = 0.99;
    }
    return seen;
  }
  double frames() const { return frames_; }

 private:
  std::vector<Event> truth_;
  double frames_ = 0;
};

// Events of 2 to 6 s, some of them close together.
std::vector<Event> events_of_an_hour(uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<Event> events;
  for (double at = 5 + 100 * uniform(random); at < kHour - 10;) {
    Event event;
    event.start = at;
    event.end = at + 2 + 4 * uniform(random);
    events.push_back(event);
    at = event.end + (uniform(random) < 0.4 ? 5 + 5 * uniform(random) : 50 + 300 * uniform(random));
  }
  return events;
}

std::vector<Event> answer(PerfectModel& oracle, std::vector<double>& slot_times) {
  RestOptions rest;
  rest.gap = 2 / kUsual;
  rest.frame_rate = kFrameRate;
  rest.usual_fps = kUsual;
  std::vector<WindowEvents> seen;
  for (const Window& window : split(0, kHour, kWindow, kWindow / 6, {})) {
    std::vector<Event> events = oracle({window.from, window.to, kUsual, "whole"}).events;
    const auto more = look_at_rest(events, window, rest, std::ref(oracle));
    events.insert(events.end(), more.begin(), more.end());
    seen.push_back({window, std::move(events), rest.gap});
  }
  std::vector<Event> events = join(seen);
  VerifyOptions checks;
  checks.end = kHour;
  checks.frame_rate = kFrameRate;
  checks.usual_fps = kUsual;
  checks.longest = kWindow;
  verify(events, checks, std::ref(oracle));
  std::erase_if(events, [](const Event& event) { return *event.evidence->presence < 0.5; });
  for (double t = 0.25; t < kHour; t += 2 / kUsual) slot_times.push_back(t);
  ZoomOptions closer;
  closer.end = kHour;
  closer.frame_rate = kFrameRate;
  zoom(events, slot_times, closer, std::ref(oracle));
  return events;
}

TEST(Oracle, AnHourHoldsNothingThatPerfectAnswersDoNotFindToAFewFrames) {
  for (const uint32_t seed : {1u, 2u, 3u}) {
    const std::vector<Event> truth = events_of_an_hour(seed);
    PerfectModel oracle(truth);
    std::vector<double> slot_times;
    const std::vector<Event> found = answer(oracle, slot_times);
    ASSERT_EQ(found.size(), truth.size()) << "seed " << seed;
    std::vector<double> errors;
    for (size_t i = 0; i < truth.size(); ++i) {
      errors.push_back(std::abs(found[i].start - truth[i].start));
      errors.push_back(std::abs(found[i].end - truth[i].end));
      EXPECT_LT(errors[2 * i], 0.4) << "seed " << seed << ", event " << i;
      EXPECT_LT(errors[2 * i + 1], 0.4) << "seed " << seed << ", event " << i;
    }
    std::sort(errors.begin(), errors.end());
    EXPECT_LT(errors[errors.size() / 2], 0.1);
    // The pass through windows that overlap by a sixth, and some frames for each event.
    const auto events = static_cast<double>(truth.size());
    EXPECT_LT(oracle.frames(), 1.21 * kHour * kUsual + 200 * events) << events;
  }
}

TEST(Oracle, NothingIsFoundWhereThereIsNothing) {
  PerfectModel oracle({});
  std::vector<double> slot_times;
  EXPECT_TRUE(answer(oracle, slot_times).empty());
}

}  // namespace
}  // namespace shijian::localise
