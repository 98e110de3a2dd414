#include "video/plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/json.h"
#include "source_dir.h"

namespace shijian::video {
namespace {

VideoInfo clip(int64_t frames, Rational rate, int height, int width, double start = 0) {
  VideoInfo info;
  info.frame_count = frames;
  info.frame_rate = rate;
  info.width = info.coded_width = width;
  info.height = info.coded_height = height;
  info.start_time = start;
  info.duration = start + static_cast<double>(frames) / rate.value();
  return info;
}

class ReferencePlanTest : public ::testing::TestWithParam<std::pair<const char*, Pipeline>> {};

// Every number of tests/video/plan_*.json, which make_plan_fixture.py wrote, is met exactly.
TEST_P(ReferencePlanTest, GivesTheReferencesNumbers) {
  const auto& [name, pipeline] = GetParam();
  const Json cases = read_json_file(source_dir() / fmt::format("tests/video/plan_{}.json", name));
  ASSERT_GE(cases.size(), 150u);
  for (const Json& c : cases) {
    SCOPED_TRACE(c.dump());
    const VideoInfo info = clip(c["total"], {c["rate"][0], c["rate"][1]}, c["height"], c["width"]);
    SamplingOptions options;
    options.pipeline = pipeline;
    options.fps = c.value("fps", 2.0);
    if (c.contains("frames")) options.frames = c["frames"].get<int>();
    options.min_frames = c.value("min_frames", 4);
    options.max_frames = c.value("max_frames", 768);
    options.min_pixels = c.value("min_pixels", options.min_pixels);
    options.max_pixels = c.value("max_pixels", options.max_pixels);
    options.cap_frame = c.value("cap", false);
    const FramePlan plan = plan_frames(info, options, {});

    ASSERT_EQ(plan.indices.size(), c["count"].get<size_t>());
    if (c["indices"].is_array()) {
      EXPECT_EQ(plan.indices, c["indices"].get<std::vector<int64_t>>());
    }
    int64_t checksum = 0;
    for (size_t i = 0; i < plan.indices.size(); ++i) {
      checksum += static_cast<int64_t>(i + 1) * plan.indices[i];
    }
    EXPECT_EQ(checksum, c["checksum"].get<int64_t>());
    EXPECT_EQ(plan.height, c["size"][0].get<int>());
    EXPECT_EQ(plan.width, c["size"][1].get<int>());
    ASSERT_EQ(plan.slots, c["slots"].get<int64_t>());
    std::vector<double> times(plan.slot_times.begin(),
                              plan.slot_times.begin() + std::min<int64_t>(3, plan.slots));
    times.insert(times.end(), plan.slot_times.end() - std::min<int64_t>(2, plan.slots),
                 plan.slot_times.end());
    EXPECT_EQ(times, c["times"].get<std::vector<double>>());
  }
}

INSTANTIATE_TEST_SUITE_P(Pipelines, ReferencePlanTest,
                         ::testing::Values(std::pair{"processor4", Pipeline::kProcessor4},
                                           std::pair{"processor5", Pipeline::kProcessor5},
                                           std::pair{"qwenvlutils", Pipeline::kQwenVlUtils}),
                         [](const auto& param) { return std::string(param.param.first); });

TEST(PlanTest, OneFrameIsRepeated) {
  for (Pipeline pipeline : {Pipeline::kProcessor4, Pipeline::kQwenVlUtils}) {
    SamplingOptions options;
    options.pipeline = pipeline;
    const FramePlan plan = plan_frames(clip(1, {25, 1}, 64, 64), options, {});
    EXPECT_EQ(plan.indices, (std::vector<int64_t>{0, 0}));
    EXPECT_EQ(plan.slots, 1);
    EXPECT_EQ(plan.slot_times, (std::vector<double>{0}));
  }
}

TEST(PlanTest, AnOddCountRepeatsTheLastTime) {
  SamplingOptions options;
  options.frames = 3;
  const FramePlan plan = plan_frames(clip(101, {10, 1}, 64, 64), options, {});
  EXPECT_EQ(plan.indices, (std::vector<int64_t>{0, 50, 100}));
  EXPECT_EQ(plan.slot_times, (std::vector<double>{2.5, 10}));
}

TEST(PlanTest, AWindowKeepsTimesOfTheWholeClip) {
  const VideoInfo info = clip(100, {10, 1}, 64, 64);
  SamplingOptions options;
  options.from = 2.05;
  options.to = 4.0;
  options.fps = 100;
  FramePlan plan = plan_frames(info, options, {});
  EXPECT_EQ(plan.indices.front(), 21);
  EXPECT_EQ(plan.indices.back(), 40);
  EXPECT_EQ(plan.indices.size(), 20u);
  EXPECT_EQ(plan.times.front(), 2.1);
  options.from = 3.31;  // between two frames: the one on screen, repeated
  options.to = 3.34;
  plan = plan_frames(info, options, {});
  EXPECT_EQ(plan.indices, (std::vector<int64_t>{33, 33}));
  options.from.reset();
  options.to = 0.05;
  EXPECT_EQ(plan_frames(info, options, {}).indices, (std::vector<int64_t>{0, 0}));
}

TEST(PlanTest, ALateStartIsPartOfTheTimes) {
  SamplingOptions options;
  options.frames = 2;
  FramePlan plan = plan_frames(clip(11, {10, 1}, 64, 64, 2.0), options, {});
  EXPECT_EQ(plan.times, (std::vector<double>{2, 3}));
  EXPECT_EQ(plan.slot_times, (std::vector<double>{2.5}));
  // Less than a frame is audio priming: the prompt keeps the reference's times.
  plan = plan_frames(clip(11, {10, 1}, 64, 64, 0.02), options, {});
  EXPECT_EQ(plan.times, (std::vector<double>{0.02, 1.02}));
  EXPECT_EQ(plan.slot_times, (std::vector<double>{0.5}));
}

// Sound may begin long before the pictures: no frame stands for a part without one.
TEST(PlanTest, APartBeforeTheFirstPictureIsRefused) {
  for (const bool variable : {false, true}) {
    VideoInfo info = clip(100, {10, 1}, 64, 64, 3.0);
    info.variable_rate = variable;
    info.time_base = {1, 10};
    for (int64_t i = 0; i < 100; ++i) info.frame_pts.push_back(i);
    SamplingOptions options;
    options.from = 0;
    options.to = 2;
    try {
      plan_frames(info, options, {});
      FAIL() << "frames were found";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kUsage);
      EXPECT_NE(e.message().find("first one comes at 3.000 s"), std::string::npos) << e.message();
      EXPECT_FALSE(e.hint().empty());
    }
    options.to = 3;
    EXPECT_EQ(plan_frames(info, options, {}).times.front(), 3);
    options.to = 3.5;
    const FramePlan plan = plan_frames(info, options, {});
    EXPECT_EQ(plan.indices.front(), 0);
    EXPECT_LE(plan.times.back(), 3.5);
  }
}

TEST(PlanTest, AVariableRateUsesRealTimes) {
  VideoInfo info = clip(4, {2, 1}, 64, 64, 0.5);
  info.variable_rate = true;
  info.time_base = {1, 1000};
  info.frame_pts = {100, 200, 1100, 1300};
  SamplingOptions options;
  options.frames = 4;
  options.every_frame = true;
  EXPECT_EQ(plan_frames(info, options, {}).slot_times, (std::vector<double>{0.55, 1.6}));
  options.every_frame = false;  // 0.5 to 2.5 s: moments lie half a second apart
  const FramePlan plan = plan_frames(info, options, {});
  EXPECT_EQ(plan.indices, (std::vector<int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(plan.slot_times, (std::vector<double>{0.75, 1.75}));
  EXPECT_EQ(info.frame_at(1.49), 1);
  EXPECT_EQ(info.frame_at(1.5), 2);
  EXPECT_EQ(info.frame_at(-1), 0);
  EXPECT_EQ(info.frame_at(99), 3);
}

// A screen recording: 4 s at 30 a second, then pictures that stay until 20, 40, 59.967 and 60 s.
VideoInfo recording() {
  VideoInfo info = clip(124, {31, 15}, 64, 64);
  info.variable_rate = true;
  info.time_base = {1, 30};
  for (int64_t i = 0; i < 121; ++i) info.frame_pts.push_back(i);
  for (const int64_t tick : {600, 1200, 1799}) info.frame_pts.push_back(tick);
  info.duration = 60;
  return info;
}

// What is on screen is looked at as often as in the same recording at 30 frames a second.
TEST(PlanTest, AVariableRateIsSampledEvenlyInTime) {
  const VideoInfo info = recording(), twin = clip(1800, {30, 1}, 64, 64);
  for (Pipeline pipeline : {Pipeline::kProcessor4, Pipeline::kProcessor5, Pipeline::kQwenVlUtils}) {
    for (const auto& [fps, frames] : {std::pair{2.0, 0}, {1.0, 0}, {0.3, 0}, {0, 40}, {0, 400}}) {
      SamplingOptions options;
      options.pipeline = pipeline;
      if (fps > 0) options.fps = fps;
      if (frames > 0) options.frames = frames;
      const FramePlan plan = plan_frames(info, options, {});
      const FramePlan other = plan_frames(twin, options, {});
      ASSERT_EQ(plan.indices.size(), other.indices.size());
      EXPECT_EQ(plan.height, other.height);
      for (size_t i = 0; i < plan.times.size(); ++i) {
        EXPECT_NEAR(plan.times[i], other.times[i], 0.5 / 30 + 1e-6);
        EXPECT_EQ(plan.indices[i], info.frame_at(plan.times[i] + 1e-6));
      }
      const double step = plan.times[1] - plan.times[0];
      for (int64_t slot = 0; slot < plan.slots; ++slot) {
        const double apart = plan.times[std::min<size_t>(2 * slot + 1, plan.times.size() - 1)] -
                             plan.times[2 * slot];
        EXPECT_LE(apart, 2 * step);
        EXPECT_DOUBLE_EQ(plan.slot_times[slot], plan.times[2 * slot] + apart / 2);
      }
    }
  }
  SamplingOptions options;
  const FramePlan plan = plan_frames(info, options, {});
  EXPECT_EQ(plan.times.size(), 120u);
  EXPECT_NEAR(std::count(plan.indices.begin(), plan.indices.end(), 121), 40, 1);
  // A part, the budgets, and a last picture that stays.
  options.from = 20;
  options.to = 40;
  const FramePlan part = plan_frames(info, options, {});
  EXPECT_EQ(part.indices, std::vector<int64_t>(40, 121));
  EXPECT_EQ(part.times.front(), 20);
  EXPECT_DOUBLE_EQ(part.times.back(), 39.5);
  options = {};
  options.max_frames = 30;
  EXPECT_EQ(plan_frames(info, options, {}).indices.size(), 30u);
  EXPECT_TRUE(plan_frames(info, options, {}).limited);
  VideoInfo stays = info;
  stays.frame_pts.back() = 1230;
  EXPECT_DOUBLE_EQ(plan_frames(stays, {}, {}).times.back(), 59.5);
}

TEST(PlanTest, GivenFramesThatLieFarApartShareNoSlot) {
  VideoInfo info = clip(5, {1, 1}, 64, 64);
  info.variable_rate = true;
  info.time_base = {1, 10};
  info.frame_pts = {0, 10, 20, 600, 610};
  SamplingOptions options;
  options.every_frame = true;
  const FramePlan plan = plan_frames(info, options, {});
  EXPECT_EQ(plan.indices, (std::vector<int64_t>{0, 1, 2, 2, 3, 4}));
  EXPECT_EQ(plan.slot_times, (std::vector<double>{0.5, 2, 60.5}));
}

// A part of a long video, by its own clock, is planned as a file of those seconds is.
TEST(PlanTest, AWindowsOwnClockIsThatOfAFileOfItsOwn) {
  for (const Rational rate : {Rational{25, 1}, {30000, 1001}, {10, 1}}) {
    const double seconds = 600 / rate.value();
    const VideoInfo file = clip(600, rate, 64, 64), whole = clip(6000, rate, 64, 64);
    const FramePlan alone = plan_frames(file, {}, {});
    for (int i = 0; i < 10; ++i) {
      SamplingOptions options;
      options.window_clock = true;
      options.from = whole.frame_time(600 * i);
      options.to = whole.frame_time(600 * i) + seconds;
      const FramePlan part = plan_frames(whole, options, {});
      EXPECT_EQ(part.slot_times, alone.slot_times);
      ASSERT_EQ(part.indices.size(), alone.indices.size());
      for (size_t k = 0; k < part.indices.size(); ++k) {
        EXPECT_EQ(part.indices[k], alone.indices[k] + 600 * i);
        EXPECT_EQ(part.times[k], whole.frame_time(part.indices[k]));
      }
      EXPECT_EQ(part.clock_start, whole.frame_time(600 * i));
    }
  }
  SamplingOptions options;
  options.window_clock = true;
  options.to = 20;
  EXPECT_EQ(plan_frames(clip(600, {25, 1}, 64, 64), options, {}).clock_start, 0);
  options.from = 30;
  options.to = 40;
  const FramePlan still = plan_frames(recording(), options, {});
  EXPECT_EQ(still.clock_start, 30);
  EXPECT_EQ(still.times.front(), 30);
  EXPECT_EQ(still.slot_times.front(), 0.25);
}

TEST(PlanTest, SlowMotionStretchesTheClockAlone) {
  VideoInfo info = clip(250, {25, 1}, 240, 320);
  SamplingOptions options;
  options.fps = 10;
  options.from = 4;
  options.to = 6;
  options.window_clock = true;
  const FramePlan usual = plan_frames(info, options, {});
  options.clock_rate = 5;
  const FramePlan slow = plan_frames(info, options, {});
  EXPECT_EQ(slow.indices, usual.indices);
  EXPECT_EQ(slow.clock_start, usual.clock_start);
  ASSERT_EQ(slow.slot_times.size(), usual.slot_times.size());
  for (size_t i = 0; i < slow.slot_times.size(); ++i) {
    EXPECT_NEAR(slow.slot_times[i], 5 * usual.slot_times[i], 1e-9);
  }
}

TEST(PlanTest, SaysWhenTheRateIsNotHeld) {
  const VideoInfo info = clip(30000, {25, 1}, 64, 64);  // 20 minutes
  SamplingOptions options;
  EXPECT_TRUE(plan_frames(info, options, {}).limited);
  options.from = 60;
  options.to = 120;
  EXPECT_FALSE(plan_frames(info, options, {}).limited);
  options.fps = 100;  // every frame of the part, which are 1501
  EXPECT_TRUE(plan_frames(info, options, {}).limited);
  options.max_frames = 2000;
  EXPECT_FALSE(plan_frames(info, options, {}).limited);
  options.frames = 8;
  EXPECT_FALSE(plan_frames(info, options, {}).limited);
}

TEST(PlanTest, AFrameCapHoldsInEveryPipeline) {
  for (Pipeline pipeline : {Pipeline::kProcessor4, Pipeline::kProcessor5, Pipeline::kQwenVlUtils}) {
    SamplingOptions options;
    options.pipeline = pipeline;
    options.frame_pixels = 224 * 224;
    for (int frames : {1, 2, 60, 700}) {
      const FramePlan plan = plan_frames(clip(frames, {25, 1}, 720, 1280), options, {});
      EXPECT_LE(plan.height * plan.width, 224 * 224);
      EXPECT_GE(plan.height * plan.width, 224 * 224 / 2);
    }
  }
}

TEST(PlanTest, SmallPicturesAreEnlargedAndThinOnesRefused) {
  const FramePlan plan = plan_frames(clip(50, {25, 1}, 8, 24), {}, {});
  EXPECT_EQ(plan.height, 32);
  EXPECT_EQ(plan.width, 96);
  EXPECT_THROW(plan_frames(clip(50, {25, 1}, 4, 900), {}, {}), Error);
  EXPECT_EQ(smart_resize_image(10, 1000, 32, 1, 1 << 20).height, 32);
}

TEST(PlanTest, SenselessOptionsAreUsageErrors) {
  const VideoInfo info = clip(100, {10, 1}, 64, 64);
  auto code = [&](auto change) {
    SamplingOptions options;
    change(options);
    try {
      plan_frames(info, options, {});
    } catch (const Error& e) {
      EXPECT_FALSE(e.hint().empty());
      return e.code();
    }
    return ErrorCode::kInternal;
  };
  EXPECT_EQ(code([](auto& o) { o.fps = 0; }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& o) { o.fps = std::nan(""); }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& o) { o.frames = 0; }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& o) { o.frames = 1 << 30; }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& o) { o.from = 3, o.to = 2; }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& o) { o.from = 11; }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& o) { o.from = 10; }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& o) { o.from = 3, o.to = 3; }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& o) { o.to = 0; }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& o) { o.from = -1; }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& o) { o.to = std::nan(""); }), ErrorCode::kUsage);
  EXPECT_EQ(code([](auto& o) { o.max_pixels = 0; }), ErrorCode::kUsage);
}

}  // namespace
}  // namespace shijian::video
