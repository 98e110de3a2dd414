#include "engine/given_frames.h"

#include <cmath>

#include "base/error.h"
#include "video/image.h"
#include "video/resize.h"

namespace shijian::engine {
namespace {

constexpr double kTick = 1e-6;  // seconds
constexpr double kMaxSeconds = 1e6;

void check_times(const std::vector<GivenFrame>& frames) {
  if (frames.empty()) throw Error(ErrorCode::kUsage, "given frames: there is none"_text);
  double before = -1;
  for (size_t i = 0; i < frames.size(); ++i) {
    const double time = frames[i].time;
    if (!(time >= 0 && time <= kMaxSeconds && time > before)) {
      throw Error(ErrorCode::kUsage,
                  "given frames: the time of frame {} is {}, that of the one before {}"_text(
                      i, time, before),
                  "give times in seconds from 0 on, each later than the one before"_text);
    }
    before = time;
  }
}

}  // namespace

video::VideoInfo describe_given_frames(const std::vector<GivenFrame>& frames) {
  check_times(frames);
  const tensor::Tensor first = video::load_image(frames.front().picture).rgb;
  video::VideoInfo info;
  info.container = "frames";
  info.coded_height = info.height = static_cast<int>(first.dim(0));
  info.coded_width = info.width = static_cast<int>(first.dim(1));
  info.frame_count = static_cast<int64_t>(frames.size());
  info.variable_rate = true;
  info.time_base = {1, static_cast<int64_t>(1 / kTick)};
  for (const GivenFrame& frame : frames) {
    info.frame_pts.push_back(std::llround(frame.time / kTick));
  }
  info.start_time = frames.front().time;
  // A frame stays as long as frames do on average; a single one for a second.
  const int64_t gaps = info.frame_count - 1;
  const int64_t ticks = info.frame_pts.back() - info.frame_pts.front();
  info.frame_rate = gaps > 0 && ticks > 0 ? video::Rational{gaps * info.time_base.den, ticks}
                                          : video::Rational{1, 1};
  info.duration = frames.back().time + 1 / info.frame_rate.value();
  return info;
}

video::Frames load_given_frames(const std::vector<GivenFrame>& frames, const video::FramePlan& plan,
                                ThreadPool& pool, const std::stop_token& cancel,
                                const video::DecodeProgress& progress) {
  const auto count = static_cast<int64_t>(plan.indices.size());
  const int64_t bytes = int64_t{plan.height} * plan.width * 3;
  video::Frames result;
  result.rgb = tensor::Tensor(tensor::DType::kU8, {count, plan.height, plan.width, 3});
  int64_t height = 0, width = 0;
  for (int64_t i = 0; i < count; ++i) {
    throw_if_cancelled(cancel);
    const auto index = static_cast<size_t>(plan.indices[static_cast<size_t>(i)]);
    const tensor::Tensor picture = video::load_image(frames[index].picture).rgb;
    if (i == 0) {
      height = picture.dim(0);
      width = picture.dim(1);
    } else if (picture.dim(0) != height || picture.dim(1) != width) {
      throw Error(ErrorCode::kInvalid,
                  "given frames: frame {} is {}x{}, others are {}x{}"_text(
                      index, picture.dim(1), picture.dim(0), width, height),
                  "give frames of one size"_text);
    }
    const video::ConstImage from{picture.data<uint8_t>(), static_cast<int>(height),
                                 static_cast<int>(width), width * 3};
    const video::Image to{result.rgb.data<uint8_t>() + i * bytes, plan.height, plan.width,
                          int64_t{plan.width} * 3};
    video::resize_bicubic(from, to, pool);
    if (progress) progress(i + 1, count);
  }
  result.indices = result.shown = plan.indices;
  result.times = plan.times;
  return result;
}

}  // namespace shijian::engine
