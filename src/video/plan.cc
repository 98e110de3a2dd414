#include "video/plan.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "video/plan_parts.h"

namespace shijian::video {
namespace {

// More frames than a million-token context holds; keeps what input asks for bounded.
constexpr int kMaxFrames = 1 << 16;
// Seconds by which two times may differ and be the same: sums of doubles stray by less, and frames
// lie farther apart.
constexpr double kSameTime = 1e-6;

struct Range {
  int64_t first;
  int64_t last;
  int64_t count() const { return last - first + 1; }
};

void check_window(const VideoInfo& info, const SamplingOptions& options) {
  const double from = options.from.value_or(0), to = options.to.value_or(info.duration);
  if (!options.from && !options.to) return;
  if (!(from >= 0) || !(to > from) || from >= info.duration || !std::isfinite(to)) {
    throw Error(ErrorCode::kUsage,
                "plan frames: from {:.3f} to {:.3f} s is no part of the clip, which is "
                "{:.3f} s long"_text(from, to, info.duration),
                "choose a start before the end of the clip, and an end after the start"_text);
  }
  if (options.to && to < info.start_time - kSameTime) {
    throw Error(ErrorCode::kUsage,
                "plan frames: from {:.3f} to {:.3f} s there is no picture, the first one comes at "
                "{:.3f} s"_text(from, to, info.start_time),
                "choose an end after the first picture"_text);
  }
}

Range frames_between(const VideoInfo& info, const SamplingOptions& options) {
  Range range{0, info.frame_count - 1};
  if (options.to) range.last = info.frame_at(*options.to + kSameTime);
  if (options.from) {
    range.first = info.frame_at(*options.from + kSameTime);
    // A frame that began before the window counts only when no frame begins inside it.
    const bool before = info.frame_time(range.first) < *options.from - kSameTime;
    if (before && range.first < range.last) ++range.first;
  }
  // A file of these seconds ends before a frame that begins with its end.
  const bool at_end = options.to && info.frame_time(range.last) >= *options.to - kSameTime;
  if (options.window_clock && at_end && range.first < range.last) --range.last;
  return range;
}

struct Count {
  int64_t frames = 0;
  bool limited = false;  // by max_frames
};

// How many frames to take of `seconds` that hold `total` of them.
Count count_frames(double seconds, int64_t total, const SamplingOptions& options, int temporal) {
  const bool even = options.pipeline == Pipeline::kQwenVlUtils;
  const auto held = static_cast<double>(total);
  double n = 0;
  bool limited = false;
  if (options.frames) {
    n = even ? static_cast<double>(round_to(*options.frames, temporal)) : *options.frames;
    if (even) n = std::min<double>(std::max<double>(n, temporal), floor_to(held, temporal));
  } else {
    n = seconds * options.fps;
    double low = options.min_frames, high = std::min(options.max_frames, kMaxFrames);
    if (even) {
      low = ceil_to(low, temporal);
      high = floor_to(std::min<double>(high, held), temporal);
    } else {
      n = std::trunc(std::min(n, 1e15));
    }
    limited = std::trunc(std::min(n, held)) > std::min(options.max_frames, kMaxFrames);
    n = std::min(std::min(std::max(n, low), high), held);
    if (even) n = floor_to(n, temporal);
  }
  return {std::clamp<int64_t>(static_cast<int64_t>(n), 1, kMaxFrames), limited};
}

// linspace(first, last, n), rounded half to even, in the arithmetic of each reference: numpy's in
// double precision; torch's in single precision, from both ends, with fused multiply-add.
std::vector<int64_t> spread(Range range, int64_t n, Pipeline pipeline) {
  std::vector<int64_t> indices(n, range.first);
  if (n == 1) return indices;
  if (pipeline == Pipeline::kQwenVlUtils) {
    const float first = static_cast<float>(range.first), last = static_cast<float>(range.last);
    const float step = (last - first) / static_cast<float>(n - 1);
    for (int64_t i = 0; i < n; ++i) {
      const float v = i < n / 2 ? std::fma(step, static_cast<float>(i), first)
                                : std::fma(-step, static_cast<float>(n - 1 - i), last);
      indices[i] = std::clamp(static_cast<int64_t>(std::nearbyint(v)), range.first, range.last);
    }
  } else {
    const double step = static_cast<double>(range.last - range.first) / static_cast<double>(n - 1);
    for (int64_t i = 0; i < n; ++i) {
      indices[i] = static_cast<int64_t>(
          std::nearbyint(static_cast<double>(i) * step + static_cast<double>(range.first)));
    }
    indices[n - 1] = range.last;
  }
  return indices;
}

// Even in time: moments from the window's start to its last picture, or to one step before its end
// where that picture stays longer, and the frames that are on screen at them.
void place_in_time(const VideoInfo& info, const SamplingOptions& options, int temporal,
                   FramePlan& plan) {
  const double first = std::max(options.from.value_or(info.start_time), info.start_time);
  const double end = std::max(first, std::min(options.to.value_or(info.duration), info.duration));
  // Any number of moments may show one frame: frames are no limit.
  constexpr int64_t kAny = int64_t{1} << 40;
  const Count count = count_frames(end - first + kSameTime, kAny, options, temporal);
  const auto n = static_cast<double>(count.frames);
  const double last_picture = info.frame_time(info.frame_at(end - kSameTime));
  const double last = std::max({first, last_picture, end - (end - first) / n});
  const double step = count.frames > 1 ? (last - first) / (n - 1) : 0;
  for (int64_t i = 0; i < count.frames; ++i) {
    plan.times.push_back(first + static_cast<double>(i) * step);
    plan.indices.push_back(info.frame_at(plan.times.back() + kSameTime));
  }
  plan.limited = count.limited;
  if (options.window_clock) plan.clock_start = options.from.value_or(0);
}

// The usual distance between neighbours of these ascending times; 0 where there is none.
double median_gap(const std::vector<double>& times) {
  std::vector<double> gaps;
  for (size_t i = 1; i < times.size(); ++i) gaps.push_back(times[i] - times[i - 1]);
  if (gaps.empty()) return 0;
  const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2);
  std::nth_element(gaps.begin(), middle, gaps.end());
  return *middle;
}

// Every frame at its own time. A slot whose frames would lie too far apart repeats what it has.
void place_every_frame(const VideoInfo& info, int temporal, FramePlan& plan) {
  std::vector<double> times;
  for (int64_t frame = 0; frame < info.frame_count; ++frame) {
    times.push_back(info.frame_time(frame));
  }
  const double far = 2 * median_gap(times) + kSameTime;
  for (int64_t frame = 0; frame < info.frame_count; ++frame) {
    const double time = times[static_cast<size_t>(frame)];
    while (plan.indices.size() % temporal != 0 && time - plan.times.back() > far) {
      plan.indices.push_back(plan.indices.back());
      plan.times.push_back(plan.times.back());
    }
    plan.indices.push_back(frame);
    plan.times.push_back(time);
  }
}

// Each span's own frames: no slot has frames of two.
void place_spans(const VideoInfo& info, const SamplingOptions& options, FramePlan& plan) {
  for (const RateSpan& span : options.spans) {
    CHECK(0 <= span.first && span.first <= span.last && span.last < info.frame_count);
    for (const int64_t frame :
         spread({span.first, span.last}, span.frames, Pipeline::kProcessor4)) {
      plan.indices.push_back(frame);
      plan.times.push_back(info.frame_time(frame));
    }
  }
  plan.spans = options.spans;
  if (options.window_clock) plan.clock_start = options.from.value_or(0);
}

// The reference's frames. Returns the times that the prompt counts them at.
std::vector<double> place_by_index(const VideoInfo& info, const SamplingOptions& options,
                                   int temporal, FramePlan& plan) {
  const Range range = frames_between(info, options);
  const double rate = info.frame_rate.value();
  const Count count =
      count_frames(static_cast<double>(range.count()) / rate, range.count(), options, temporal);
  plan.limited = count.limited;
  plan.indices = spread(range, count.frames, options.pipeline);
  const double from = options.window_clock ? options.from.value_or(0) : 0;
  const bool whole = from > 0 && from >= info.start_time;
  if (from > 0) plan.clock_start = whole ? info.frame_time(range.first) : from;
  std::vector<double> clock;
  for (const int64_t frame : plan.indices) {
    plan.times.push_back(info.frame_time(frame));
    clock.push_back(whole      ? static_cast<double>(frame - range.first) / rate
                    : from > 0 ? plan.times.back() - from
                               : info.prompt_time(frame));
  }
  return clock;
}

void check_options(const SamplingOptions& o, const PatchGeometry& g) {
  const auto need = [](bool ok, const Text& what, double value) {
    if (ok) return;
    throw Error(ErrorCode::kUsage, "plan frames: {} is {}"_text(what, value),
                "choose a larger value"_text);
  };
  constexpr int64_t kMaxPixels = int64_t{1} << 40;
  need(std::isfinite(o.fps) && o.fps > 0, "the sampling rate (frames a second)"_text, o.fps);
  need(!o.frames || *o.frames >= 1, "the number of frames"_text, o.frames.value_or(1));
  need(o.min_frames >= 1, "the least number of frames"_text, o.min_frames);
  need(o.max_frames >= o.min_frames, "the largest number of frames"_text, o.max_frames);
  need(o.min_pixels >= 1, "the least number of pixels"_text, static_cast<double>(o.min_pixels));
  need(o.max_pixels >= 1 && o.max_pixels <= kMaxPixels, "the largest number of pixels"_text,
       static_cast<double>(o.max_pixels));
  need(!o.min_frame_pixels || (*o.min_frame_pixels >= 1 && *o.min_frame_pixels <= kMaxPixels),
       "the least number of pixels of a frame"_text,
       static_cast<double>(o.min_frame_pixels.value_or(1)));
  need(!o.frame_pixels || (*o.frame_pixels >= 1 && *o.frame_pixels <= kMaxPixels),
       "the largest number of pixels of a frame"_text,
       static_cast<double>(o.frame_pixels.value_or(1)));
  need(std::isfinite(o.clock_rate) && o.clock_rate > 0, "the rate of the clock"_text, o.clock_rate);
  need(o.max_video_tokens >= 1, "the largest number of tokens of a frame"_text, o.max_video_tokens);
  if (o.frames && *o.frames > kMaxFrames) {
    throw Error(ErrorCode::kUsage,
                "plan frames: {} frames asked for, over {}"_text(*o.frames, kMaxFrames),
                "ask for fewer frames or for a shorter window"_text);
  }
  CHECK(g.patch > 0 && g.temporal > 0 && g.merge > 0);
}

}  // namespace

FramePlan plan_frames(const VideoInfo& info, const SamplingOptions& options,
                      const PatchGeometry& geometry) {
  check_options(options, geometry);
  CHECK(info.frame_count >= 1 && info.width >= 1 && info.height >= 1);
  check_window(info, options);
  FramePlan plan;
  plan.pipeline = options.pipeline;
  plan.from = options.from.value_or(0);
  plan.to = std::min(options.to.value_or(info.duration), info.duration);
  std::vector<double> clock;  // [n] the prompt's times
  if (!options.spans.empty()) {
    place_spans(info, options, plan);
  } else if (options.every_frame) {
    place_every_frame(info, geometry.temporal, plan);
  } else if (info.variable_rate) {
    place_in_time(info, options, geometry.temporal, plan);
  } else {
    clock = place_by_index(info, options, geometry.temporal, plan);
  }
  if (clock.empty()) {
    for (const double time : plan.times) clock.push_back(time - plan.clock_start);
  }
  plan.clock_rate = options.clock_rate;
  for (double& time : clock) time *= options.clock_rate;
  auto n = static_cast<int64_t>(plan.indices.size());
  if (n < geometry.temporal) {
    n = geometry.temporal;
    plan.indices.resize(n, plan.indices.back());
    plan.times.resize(n, plan.times.back());
    clock.resize(n, clock.back());
  }
  const Size size = plan_size(info, n, options, geometry);
  plan.height = size.height;
  plan.width = size.width;
  plan.slots = (n + geometry.temporal - 1) / geometry.temporal;
  for (int64_t slot = 0; slot < plan.slots; ++slot) {
    const int64_t first = slot * geometry.temporal;
    const int64_t last = std::min(first + geometry.temporal, n) - 1;
    plan.slot_times.push_back((clock[first] + clock[last]) / 2);
  }
  return plan;
}

}  // namespace shijian::video
