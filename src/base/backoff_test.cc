#include "base/backoff.h"

#include <gtest/gtest.h>

#include <thread>

namespace shijian {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesUpToItsBoundAndBeginsAgain) {
  Backoff backoff(100ms, 350ms);
  EXPECT_EQ(backoff.next(), 100ms);
  EXPECT_EQ(backoff.next(), 200ms);
  EXPECT_EQ(backoff.next(), 350ms);
  EXPECT_EQ(backoff.next(), 350ms);
  backoff.reset();
  EXPECT_EQ(backoff.next(), 100ms);
}

TEST(SleepUnlessStopped, EndsWhenAStopIsRequested) {
  EXPECT_TRUE(sleep_unless_stopped({}, 1ms));
  bool whole = true;
  {
    const std::jthread sleeper(
        [&whole](const std::stop_token& stop) { whole = sleep_unless_stopped(stop, 1h); });
  }
  EXPECT_FALSE(whole);
}

}  // namespace
}  // namespace shijian
