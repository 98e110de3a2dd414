#include "video/adaptive_plan.h"

#include <gtest/gtest.h>

namespace shijian::video {
namespace {

// 25 frames a second.
VideoInfo video(double seconds) {
  VideoInfo info;
  info.width = 320;
  info.height = 240;
  info.frame_rate = {25, 1};
  info.time_base = {1, 25};
  info.duration = seconds;
  info.frame_count = static_cast<int64_t>(seconds * 25);
  for (int64_t i = 0; i < info.frame_count; ++i) info.frame_pts.push_back(i);
  return info;
}

VideoScan still(double seconds) {
  VideoScan scan;
  scan.activity.resize(static_cast<size_t>(seconds / VideoScan::kStep));
  return scan;
}

void make_busy(VideoScan& scan, double from, double to) {
  for (auto i = static_cast<size_t>(from / VideoScan::kStep);
       i < static_cast<size_t>(to / VideoScan::kStep); ++i) {
    scan.activity[i] = 1;
  }
}

AdaptiveOptions whole(const VideoInfo& info) {
  AdaptiveOptions options;
  options.to = info.duration;
  return options;
}

int64_t frames(const std::vector<RateSpan>& spans) {
  int64_t sum = 0;
  for (const RateSpan& span : spans) sum += span.frames;
  return sum;
}

void expect_whole(const std::vector<RateSpan>& spans, int64_t first, int64_t last) {
  ASSERT_FALSE(spans.empty());
  EXPECT_EQ(spans.front().first, first);
  EXPECT_EQ(spans.back().last, last);
  for (size_t i = 1; i < spans.size(); ++i) EXPECT_EQ(spans[i].first, spans[i - 1].last + 1);
  for (const RateSpan& span : spans) EXPECT_EQ(span.frames % 2, 0);
}

TEST(AdaptivePlan, LooksOftenerWhereSomethingGoesOn) {
  const VideoInfo info = video(100);
  VideoScan scan = still(100);
  make_busy(scan, 40, 60);
  const std::vector<RateSpan> spans = adaptive_spans(info, scan, whole(info));
  expect_whole(spans, 0, 2499);
  ASSERT_EQ(spans.size(), 3U);
  EXPECT_FALSE(spans[0].busy);
  EXPECT_TRUE(spans[1].busy);
  EXPECT_FALSE(spans[2].busy);
  // Half a second more on both sides.
  EXPECT_NEAR(info.frame_time(spans[1].first), 39.5, 0.04);
  EXPECT_EQ(spans[0].frames, 20);
  EXPECT_EQ(spans[1].frames, 42);
  EXPECT_EQ(spans[2].frames, 20);
}

TEST(AdaptivePlan, LooksAtBothSidesOfACutAndNeverAcross) {
  const VideoInfo info = video(20);
  VideoScan scan = still(20);
  scan.cuts = {133, 300};
  SamplingOptions options;
  options.spans = adaptive_spans(info, scan, whole(info));
  expect_whole(options.spans, 0, 499);
  const FramePlan plan = plan_frames(info, options, {});
  for (const int64_t cut : scan.cuts) {
    EXPECT_EQ(std::count(plan.indices.begin(), plan.indices.end(), cut), 1);
    EXPECT_EQ(std::count(plan.indices.begin(), plan.indices.end(), cut - 1), 1);
    for (size_t i = 0; i + 1 < plan.indices.size(); i += 2) {
      EXPECT_FALSE(plan.indices[i] < cut && plan.indices[i + 1] >= cut);
    }
  }
}

TEST(AdaptivePlan, KeepsToItsBudget) {
  const VideoInfo info = video(600);
  VideoScan scan = still(600);
  make_busy(scan, 0, 300);
  for (int64_t cut = 100; cut < info.frame_count; cut += 100) scan.cuts.push_back(cut);
  for (const int most : {2, 10, 100, 300, 5000}) {
    AdaptiveOptions options = whole(info);
    options.max_frames = most;
    const std::vector<RateSpan> spans = adaptive_spans(info, scan, options);
    expect_whole(spans, 0, info.frame_count - 1);
    EXPECT_LE(frames(spans), most);
  }
}

TEST(AdaptivePlan, StaysInsideItsWindow) {
  const VideoInfo info = video(100);
  VideoScan scan = still(100);
  make_busy(scan, 0, 30);
  scan.cuts = {100, 600, 2000};
  AdaptiveOptions options = whole(info);
  options.from = 20;
  options.to = 70;
  const std::vector<RateSpan> spans = adaptive_spans(info, scan, options);
  expect_whole(spans, 500, 1750);
}

TEST(AdaptivePlan, ShortStandstillsAreBusyToo) {
  const VideoInfo info = video(30);
  VideoScan scan = still(30);
  make_busy(scan, 5, 10);
  make_busy(scan, 11.5, 15);
  const std::vector<RateSpan> spans = adaptive_spans(info, scan, whole(info));
  EXPECT_EQ(spans.size(), 3U);
}

}  // namespace
}  // namespace shijian::video
