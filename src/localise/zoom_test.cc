#include "localise/zoom.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

#include "localise/test_events.h"

namespace shijian::localise {
namespace {

using grounding::Event;

// Sees what is true, as well as slots of two frames allow.
class Oracle {
 public:
  explicit Oracle(std::vector<Event> truth) : truth_(std::move(truth)) {}

  Sighting operator()(const Look& look) {
    looks.push_back(look);
    const double gap = 2 / look.fps;
    Sighting seen;
    seen.gap = gap;
    for (const Event& event : truth_) {
      const double start = std::max(event.start, look.from), end = std::min(event.end, look.to);
      if (end <= start) continue;
      const auto slot = [&](double time) {
        return look.from + std::round((time - look.from) / (gap / 2)) * gap / 2;
      };
      seen.events.push_back(event_of(event.start <= look.from ? look.from : slot(start),
                                     event.end >= look.to ? look.to : slot(end), 0.225 * gap));
    }
    return seen;
  }

  std::vector<Look> looks;

 private:
  std::vector<Event> truth_;
};

ZoomOptions minute() {
  ZoomOptions options;
  options.end = 60;
  options.frame_rate = 30;
  return options;
}

std::vector<Event> zoomed(std::vector<Event> events, Oracle& oracle,
                          const ZoomOptions& options = minute()) {
  std::vector<double> slot_times;
  for (int i = 0; i < 60; ++i) slot_times.push_back(i + 0.25);
  zoom(events, slot_times, options, [&](const Look& look) { return oracle(look); });
  return events;
}

TEST(Zoom, FindsBothBoundariesOfALongEvent) {
  Oracle oracle({event_of(10.37, 25.81)});
  const std::vector<Event> found = zoomed({event_of(10.2, 26.0)}, oracle);
  EXPECT_NEAR(found[0].start, 10.37, 0.1);
  EXPECT_NEAR(found[0].end, 25.81, 0.1);
  EXPECT_LE(*found[0].start_uncertainty, 0.1);
  EXPECT_LE(*found[0].end_uncertainty, 0.1);
  ASSERT_EQ(oracle.looks.size(), 2u);
  EXPECT_EQ(oracle.looks[0].reason, "start");
  EXPECT_EQ(oracle.looks[1].reason, "end");
  for (const Look& look : oracle.looks) EXPECT_NEAR(look.to - look.from, 3, 1e-9);
}

TEST(Zoom, LooksOnceAtBothBoundariesOfAShortEvent) {
  Oracle oracle({event_of(10.37, 11.6)});
  const std::vector<Event> found = zoomed({event_of(10.1, 12)}, oracle);
  EXPECT_NEAR(found[0].start, 10.37, 0.13);
  EXPECT_NEAR(found[0].end, 11.6, 0.13);
  EXPECT_EQ(oracle.looks[0].reason, "event");
}

TEST(Zoom, GoesOnUntilItIsPreciseEnough) {
  Oracle oracle({event_of(10.37, 25.81)});
  ZoomOptions options = minute();
  options.precision = 0.02;
  const std::vector<Event> found = zoomed({event_of(10.2, 26.0)}, oracle, options);
  EXPECT_EQ(oracle.looks.size(), 4u);
  EXPECT_NEAR(found[0].start, 10.37, 0.04);
  for (const Look& look : oracle.looks) EXPECT_LE(look.fps, 30);
}

TEST(Zoom, DoesNotAskAgainWhatIsKnown) {
  Oracle oracle({event_of(10.37, 25.81)});
  zoomed({event_of(10.2, 26.0, 0.05)}, oracle);
  EXPECT_TRUE(oracle.looks.empty());
}

TEST(Zoom, LeavesTheEndsOfThePicturesAlone) {
  Oracle oracle({event_of(0, 60)});
  const std::vector<Event> found = zoomed({event_of(0, 60)}, oracle);
  EXPECT_TRUE(oracle.looks.empty());
  EXPECT_EQ(found[0].start, 0);
  EXPECT_EQ(found[0].end, 60);
}

TEST(Zoom, KeepsABoundaryThatIsNotFoundAgain) {
  Oracle oracle({});
  const std::vector<Event> found = zoomed({event_of(10.2, 26.0)}, oracle);
  EXPECT_EQ(found[0].start, 10.2);
  EXPECT_EQ(found[0].end, 26.0);
  EXPECT_EQ(*found[0].start_uncertainty, 0.3);
  EXPECT_EQ(oracle.looks.size(), 2u);
}

TEST(Zoom, TakesTheEdgeOfALookForNoBoundary) {
  Oracle oracle({event_of(2, 50)});
  const std::vector<Event> found = zoomed({event_of(10.2, 26.0)}, oracle);
  EXPECT_EQ(found[0].start, 10.2);
  EXPECT_EQ(found[0].end, 26.0);
}

TEST(Zoom, SaysNothingOfABoundaryThatItDidNotFind) {
  Event event = event_of(10.2, 26.0);
  event.start_uncertainty.reset();
  Oracle oracle({});
  EXPECT_FALSE(zoomed({event}, oracle)[0].start_uncertainty);
}

TEST(Zoom, LooksNoMoreThanItMay) {
  std::vector<Event> events;
  for (int i = 0; i < 10; ++i) events.push_back(event_of(2 + 5.5 * i, 5 + 5.5 * i));
  Oracle oracle(events);
  ZoomOptions options = minute();
  options.looks = 4;
  EXPECT_EQ(zoomed(events, oracle, options).size(), 10U);
  EXPECT_EQ(oracle.looks.size(), 4U);
}

TEST(Zoom, NeighboursStayApart) {
  Oracle oracle({event_of(10.37, 25.81), event_of(25.9, 40)});
  const std::vector<Event> found = zoomed({event_of(10.2, 25.7), event_of(26, 40.1)}, oracle);
  EXPECT_LE(found[0].end, found[1].start);
}

TEST(Zoom, WorksWhereverTheBoundariesLie) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> place(1.5, 50), length(1, 8), error(-0.5, 0.5);
  for (int i = 0; i < 500; ++i) {
    const double start = place(random), end = start + length(random);
    Oracle oracle({event_of(start, end)});
    const std::vector<Event> found =
        zoomed({event_of(start + error(random), end + error(random))}, oracle);
    EXPECT_NEAR(found[0].start, start, 0.2) << start << " - " << end;
    EXPECT_NEAR(found[0].end, end, 0.2) << start << " - " << end;
  }
}

}  // namespace
}  // namespace shijian::localise
