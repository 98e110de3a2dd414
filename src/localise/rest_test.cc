#include "localise/rest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "localise/test_events.h"

namespace shijian::localise {
namespace {

using grounding::Event;

RestOptions one_second_gaps() {
  RestOptions options;
  options.gap = 1;
  options.frame_rate = 30;
  options.usual_fps = 2;
  return options;
}

// Names one event of those that lie in a part, the one that is longest there, as a model does whose
// answers hold one.
class OneAtATime {
 public:
  explicit OneAtATime(std::vector<Event> truth) : truth_(std::move(truth)) {}
  Sighting operator()(const Look& look) {
    looks.push_back(look);
    Sighting seen{{}, 1, 0.9};
    for (Event event : truth_) {
      event.start = std::max(event.start, look.from);
      event.end = std::min(event.end, look.to);
      if (event.end <= event.start) continue;
      if (!seen.events.empty()) {
        const Event& longest = seen.events.front();
        if (event.end - event.start <= longest.end - longest.start) continue;
        seen.events.clear();
      }
      seen.events.push_back(event);
    }
    return seen;
  }
  std::vector<Look> looks;

 private:
  std::vector<Event> truth_;
};

TEST(Rest, FindsEveryEventThatAnAnswerLeftOut) {
  const std::vector<Event> truth = {event_of(2, 4), event_of(10, 16), event_of(20, 23),
                                    event_of(26, 28)};
  OneAtATime viewing(truth);
  const std::vector<Event> events = {truth[1], event_of(40, 50)};  // one is in another window
  const auto found = look_at_rest(events, {0, 30}, one_second_gaps(), std::ref(viewing));
  ASSERT_EQ(found.size(), 3u);
  const std::vector<Event> left_out = {truth[0], truth[2], truth[3]};
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].start, left_out[i].start);
    EXPECT_EQ(found[i].end, left_out[i].end);
  }
  EXPECT_EQ(viewing.looks.front().from, 0);
  EXPECT_EQ(viewing.looks.front().to, 9.5);  // half a gap before what is known
  EXPECT_EQ(viewing.looks.front().fps, 2);
  EXPECT_EQ(viewing.looks.front().reason, "rest");
}

TEST(Rest, WhatGoesOnIsTheSameEvent) {
  OneAtATime viewing({event_of(8, 20)});
  const std::vector<Event> events = {event_of(10, 16)};
  EXPECT_TRUE(look_at_rest(events, {0, 30}, one_second_gaps(), std::ref(viewing)).empty());
  EXPECT_EQ(viewing.looks.size(), 2u);
}

TEST(Rest, ShortRestsAreSeenAtAHigherRateOrNotAtAll) {
  OneAtATime viewing({});
  const std::vector<Event> events = {event_of(4.5, 27.5)};
  look_at_rest(events, {0, 30}, one_second_gaps(), std::ref(viewing));
  ASSERT_EQ(viewing.looks.size(), 1u);
  EXPECT_EQ(viewing.looks[0].to, 4);
  EXPECT_EQ(viewing.looks[0].fps, 4);
}

TEST(Rest, EventsThatOverlapLeaveNoRestBetweenThem) {
  OneAtATime viewing({});
  const std::vector<Event> events = {event_of(1, 29), event_of(5, 9)};
  look_at_rest(events, {0, 30}, one_second_gaps(), std::ref(viewing));
  EXPECT_TRUE(viewing.looks.empty());
}

TEST(Rest, LooksAreCounted) {
  OneAtATime viewing({event_of(10, 12), event_of(14, 15), event_of(20, 22), event_of(25, 26)});
  const std::vector<Event> events = {event_of(5, 6)};
  RestOptions options = one_second_gaps();
  options.looks = 2;
  look_at_rest(events, {0, 30}, options, std::ref(viewing));
  EXPECT_EQ(viewing.looks.size(), 2u);
}

TEST(Rest, AWindowWithoutEventsIsNotAsked) {
  OneAtATime viewing({event_of(10, 12)});
  const std::vector<Event> events = {event_of(40, 50)};
  EXPECT_TRUE(look_at_rest(events, {0, 30}, one_second_gaps(), std::ref(viewing)).empty());
  EXPECT_TRUE(viewing.looks.empty());
}

}  // namespace
}  // namespace shijian::localise
