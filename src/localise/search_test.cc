#include "localise/search.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <utility>
#include <vector>

namespace shijian::localise {
namespace {

struct Seen {
  size_t window;
  double fps;
  bool operator==(const Seen& other) const = default;
};

class SearchTest : public testing::Test {
 protected:
  std::vector<double> run(double frames) {
    seen_.clear();
    return search(windows_, {2, 0.5, frames}, [&](size_t window, double fps) {
      seen_.push_back({window, fps});
      return likely_[window];
    });
  }
  double frames_seen() const {
    double frames = 0;
    for (const Seen& one : seen_) {
      frames += one.fps * (windows_[one.window].to - windows_[one.window].from);
    }
    return frames;
  }

  const std::vector<Window> windows_ = {{0, 30}, {30, 60}, {60, 90}, {90, 110}};
  std::vector<double> likely_ = {0.1, 0.9, 0.2, 0.8};
  std::vector<Seen> seen_;
};

TEST_F(SearchTest, LooksCloselyEverywhereWhereItCan) {
  for (const double frames : {220.0, std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(run(frames), (std::vector<double>{2, 2, 2, 2}));
    EXPECT_EQ(seen_, (std::vector<Seen>{{0, 2}, {1, 2}, {2, 2}, {3, 2}}));
  }
}

TEST_F(SearchTest, LooksCloselyWhereMostIsToBeFound) {
  const std::vector<double> rates = run(210);
  const double coarse = 105.0 / 110;
  EXPECT_EQ(rates, (std::vector<double>{coarse, 2, coarse, 2}));
  ASSERT_EQ(seen_.size(), 6u);
  EXPECT_EQ(seen_[4], (Seen{1, 2}));
  EXPECT_EQ(seen_[5], (Seen{3, 2}));
  EXPECT_LE(frames_seen(), 210);
}

TEST_F(SearchTest, TheCoarsePassHasALowestRate) {
  EXPECT_EQ(run(10), (std::vector<double>{0.5, 0.5, 0.5, 0.5}));
  EXPECT_EQ(run(100), (std::vector<double>{0.5, 0.5, 0.5, 2}));  // 45 frames are left of 100
}

}  // namespace
}  // namespace shijian::localise
