#include "localise/windows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "localise/test_events.h"

namespace shijian::localise {
namespace {

using grounding::Event;

TEST(Windows, CoverTheWholeAndOverlap) {
  const std::vector<Window> windows = split(10, 200, 30, 5, {});
  EXPECT_EQ(windows.front().from, 10);
  EXPECT_EQ(windows.back().to, 200);
  for (size_t i = 0; i < windows.size(); ++i) {
    EXPECT_LE(windows[i].to - windows[i].from, 30);
    EXPECT_EQ(windows[i].from, i == 0 ? 10 : windows[i - 1].to - 5);
  }
}

TEST(Windows, OneWhereItIsNoLonger) {
  const std::vector<Window> windows = split(3, 33, 30, 5, {});
  ASSERT_EQ(windows.size(), 1U);
  EXPECT_EQ(windows[0].from, 3);
  EXPECT_EQ(windows[0].to, 33);
}

TEST(Windows, BeginWithAShotWhereOneIsNear) {
  const std::vector<double> shots = {4, 26, 47, 80};
  const std::vector<Window> windows = split(0, 70, 30, 5, shots);
  EXPECT_EQ(windows[0].to, 26);
  EXPECT_EQ(windows[1].from, 26);
  EXPECT_EQ(windows[1].to, 56);
  EXPECT_EQ(windows[2].from, 51) << "47 lies before the last quarter";
}

TEST(Windows, NoneIsTooShortToShowAnything) {
  const std::vector<double> shots = {29.9, 30.5};
  const std::vector<Window> windows = split(0, 31, 30, 5, shots);
  ASSERT_EQ(windows.size(), 2U);
  EXPECT_EQ(windows[1].from, 25);
}

// Sees exactly what is true within each window.
std::vector<WindowEvents> perfect(const std::vector<Window>& windows,
                                  const std::vector<Event>& truth) {
  std::vector<WindowEvents> all;
  for (const Window& window : windows) {
    WindowEvents part{window, {}, 1};
    for (const Event& event : truth) {
      const double start = std::max(event.start, window.from), end = std::min(event.end, window.to);
      if (end > start) part.events.push_back(event_of(start, end));
    }
    all.push_back(part);
  }
  return all;
}

TEST(Windows, JoinGivesTheEventsBack) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> length(2, 50), pause(3, 40), shot(3, 25);
  for (int i = 0; i < 300; ++i) {
    std::vector<Event> truth;
    std::vector<double> shots;
    for (double at = pause(random); at < 500;) {
      const double end = at + length(random);
      truth.push_back(event_of(at, std::min(end, 600.0)));
      at = end + pause(random);
    }
    for (double at = shot(random); at < 600 && i % 2 == 0; at += shot(random)) shots.push_back(at);
    const std::vector<Event> found = join(perfect(split(0, 600, 30, 5, shots), truth));
    ASSERT_EQ(found.size(), truth.size());
    for (size_t k = 0; k < truth.size(); ++k) {
      EXPECT_DOUBLE_EQ(found[k].start, truth[k].start);
      EXPECT_DOUBLE_EQ(found[k].end, truth[k].end);
    }
  }
}

TEST(Windows, JoinKeepsApartWhatIsApart) {
  const std::vector<WindowEvents> windows = {{{0, 30}, {event_of(2, 5), event_of(8, 12)}, 1},
                                             {{25, 55}, {event_of(31, 33)}, 1}};
  EXPECT_EQ(join(windows).size(), 3U);
}

TEST(Windows, JoinTakesTheHigherConfidence) {
  Event sure = event_of(26, 29);
  sure.confidence = 0.9;
  Event cut = event_of(26.2, 30);
  cut.confidence = 0.5;
  const std::vector<WindowEvents> windows = {{{0, 30}, {cut}, 1}, {{25, 55}, {sure}, 1}};
  const std::vector<Event> found = join(windows);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].confidence, 0.9);
  EXPECT_EQ(found[0].end, 29) << "the edge of the first window is no end";
}

}  // namespace
}  // namespace shijian::localise
