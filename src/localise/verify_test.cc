#include "localise/verify.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "localise/test_events.h"

namespace shijian::localise {
namespace {

using grounding::Event;
using grounding::Evidence;

Event candidate(double start, double end, double presence, double confidence = 0.9) {
  Event event = event_of(start, end);
  event.confidence = confidence;
  event.evidence = Evidence{confidence, presence, 1, 1};
  return event;
}

VerifyOptions one_minute() {
  VerifyOptions options;
  options.end = 60;
  options.frame_rate = 30;
  options.usual_fps = 2;
  options.longest = 30;
  return options;
}

// Says of every look the same.
class Viewing {
 public:
  explicit Viewing(Sighting seen) : seen_(std::move(seen)) {}
  Sighting operator()(const Look& look) {
    looks.push_back(look);
    return seen_;
  }
  std::vector<Look> looks;

 private:
  Sighting seen_;
};

TEST(Verify, TakesTheMeanOfAllLooks) {
  std::vector<Event> events = {candidate(10, 14, 0.9)};
  Viewing viewing({{event_of(10.1, 13.9)}, 0.5, 0.4});
  verify(events, one_minute(), std::ref(viewing));
  ASSERT_EQ(viewing.looks.size(), 1u);
  EXPECT_EQ(viewing.looks[0].from, 8);
  EXPECT_EQ(viewing.looks[0].to, 16);
  EXPECT_EQ(viewing.looks[0].fps, 4);
  EXPECT_NEAR(*events[0].evidence->presence, std::sqrt(0.9 * 0.4), 1e-12);
  EXPECT_EQ(events[0].evidence->looks, 2);
}

TEST(Verify, LooksTwiceWhereItIsToldTo) {
  std::vector<Event> events = {candidate(1, 2, 1)};
  Viewing viewing({{}, 0.5, 0.125});
  VerifyOptions options = one_minute();
  options.twice = true;
  verify(events, options, std::ref(viewing));
  ASSERT_EQ(viewing.looks.size(), 2u);
  EXPECT_EQ(viewing.looks[0].from, 0);  // a second, however short the event is
  EXPECT_EQ(viewing.looks[0].to, 3);
  EXPECT_EQ(viewing.looks[1].from, 0);
  EXPECT_EQ(viewing.looks[1].to, 6);
  EXPECT_EQ(viewing.looks[1].fps, 2);
  EXPECT_NEAR(*events[0].evidence->presence, 0.25, 1e-12);
  EXPECT_EQ(events[0].evidence->looks, 3);
}

TEST(Verify, AnotherEventNearbyIsNoEvidence) {
  std::vector<Event> events = {candidate(10, 14, 1)};
  Viewing viewing({{event_of(15, 16)}, 0.5, 0.99});
  verify(events, one_minute(), std::ref(viewing));
  EXPECT_NEAR(*events[0].evidence->presence, std::sqrt(0.5), 1e-12);
}

TEST(Verify, LeavesAloneWhatItCannotJudge) {
  std::vector<Event> events = {candidate(10, 50, 0.8), event_of(3, 4)};
  Viewing viewing({{}, 0.5, 0.1});
  verify(events, one_minute(), std::ref(viewing));
  EXPECT_TRUE(viewing.looks.empty());  // one is too long, of the other nothing is known
  EXPECT_EQ(*events[0].evidence->presence, 0.8);

  events = {candidate(10, 12, 0.8)};
  Viewing silent({{}, 0.5, std::nullopt});
  verify(events, one_minute(), std::ref(silent));
  EXPECT_EQ(*events[0].evidence->presence, 0.8);
  EXPECT_EQ(events[0].evidence->looks, 1);
}

TEST(Verify, TheSurestComeFirstWhenLooksAreFew) {
  std::vector<Event> events = {candidate(10, 12, 0.9, 0.7), candidate(20, 22, 0.9, 0.8),
                               candidate(30, 32, 0.9, 0.6)};
  Viewing viewing({{}, 0.5, 0.1});
  VerifyOptions options = one_minute();
  options.looks = 2;
  verify(events, options, std::ref(viewing));
  ASSERT_EQ(viewing.looks.size(), 2u);
  EXPECT_EQ(viewing.looks[0].from, 19);
  EXPECT_EQ(viewing.looks[1].from, 9);
  EXPECT_EQ(events[2].evidence->looks, 1);
}

}  // namespace
}  // namespace shijian::localise
