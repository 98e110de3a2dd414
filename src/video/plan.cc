#include "video/plan.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace shijian {
namespace {

// More frames than a million-token context holds; keeps what input asks for bounded.
constexpr int kMaxFrames = 1 << 16;
constexpr int kMaxAspect = 200;

// The nearest multiple, ties to the even one, as the reference's rounding does.
int64_t round_to(double value, int factor) {
  return static_cast<int64_t>(std::nearbyint(value / factor)) * factor;
}
int64_t floor_to(double value, int factor) {
  return static_cast<int64_t>(std::floor(value / factor)) * factor;
}
int64_t ceil_to(double value, int factor) {
  return static_cast<int64_t>(std::ceil(value / factor)) * factor;
}

void check_aspect(int height, int width) {
  const double ratio = static_cast<double>(std::max(height, width)) / std::min(height, width);
  if (ratio > kMaxAspect) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("plan frames: {}x{} is {:.0f} times as long as it is broad, over {}",
                            width, height, ratio, kMaxAspect),
                "crop the picture");
  }
}

// h_bar x w_bar is height x width rounded to the factor. `frames` of the rounded size count
// `rounded_frames`; the scale that meets a limit is computed from the true sizes.
Size fit(int64_t rounded_frames, int64_t frames, int height, int width, int64_t h_bar,
         int64_t w_bar, int factor, double min_pixels, double max_pixels) {
  const double rounded = static_cast<double>(rounded_frames * h_bar * w_bar);
  const double exact = static_cast<double>(frames) * height * width;
  if (rounded > max_pixels) {
    const double beta = std::sqrt(exact / max_pixels);
    h_bar = std::max<int64_t>(factor, floor_to(height / beta, factor));
    w_bar = std::max<int64_t>(factor, floor_to(width / beta, factor));
  } else if (rounded < min_pixels) {
    const double beta = std::sqrt(min_pixels / exact);
    h_bar = ceil_to(height * beta, factor);
    w_bar = ceil_to(width * beta, factor);
  }
  return {static_cast<int>(h_bar), static_cast<int>(w_bar)};
}

struct Range {
  int64_t first;
  int64_t last;
  int64_t count() const { return last - first + 1; }
};

Range frames_between(const VideoInfo& info, const SamplingOptions& options) {
  Range range{0, info.frame_count - 1};
  const double from = options.from.value_or(0), to = options.to.value_or(info.duration);
  if (!options.from && !options.to) return range;
  if (!(from >= 0) || !(to > from) || from >= info.duration || !std::isfinite(to)) {
    throw Error(ErrorCode::kUsage,
                fmt::format("plan frames: from {:.3f} to {:.3f} s is no part of the clip, which is "
                            "{:.3f} s long",
                            from, to, info.duration),
                "choose a start before the end of the clip, and an end after the start");
  }
  if (options.to) range.last = info.frame_at(to);
  if (options.from) {
    range.first = info.frame_at(from);
    // A frame that began before the window counts only when no frame begins inside it.
    if (info.frame_time(range.first) < from && range.first < range.last) ++range.first;
  }
  return range;
}

// How many of `total` frames at `rate` frames a second to take.
int64_t count_frames(int64_t total, double rate, const SamplingOptions& options, int temporal) {
  const bool even = options.pipeline == Pipeline::kQwenVlUtils;
  double n = 0;
  if (options.frames) {
    n = even ? static_cast<double>(round_to(*options.frames, temporal)) : *options.frames;
    if (even) n = std::min<double>(std::max<double>(n, temporal), floor_to(total, temporal));
  } else {
    n = static_cast<double>(total) / rate * options.fps;
    double low = options.min_frames, high = options.max_frames;
    if (even) {
      low = ceil_to(low, temporal);
      high = floor_to(std::min<double>(high, total), temporal);
    } else {
      n = std::trunc(std::min(n, 1e15));
    }
    n = std::min(std::min(std::max(n, low), high), static_cast<double>(total));
    if (even) n = floor_to(n, temporal);
  }
  return std::clamp<int64_t>(static_cast<int64_t>(n), 1, kMaxFrames);
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

Size plan_size(const VideoInfo& info, int64_t n, const SamplingOptions& options,
               const PatchGeometry& g) {
  const int factor = g.factor();
  const int64_t token = int64_t{factor} * factor;
  if (options.pipeline == Pipeline::kQwenVlUtils) {
    check_aspect(info.height, info.width);
    double low = static_cast<double>(128 * token);
    const double all = 128000.0 * factor * factor * 0.9;
    double high = std::max(
        std::min(static_cast<double>(768 * token), all / static_cast<double>(n) * g.temporal),
        std::trunc(low * 1.05));
    if (options.frame_pixels) high = std::min(high, static_cast<double>(*options.frame_pixels));
    low = std::min(low, high);
    return fit(1, 1, info.height, info.width,
               std::max<int64_t>(factor, round_to(info.height, factor)),
               std::max<int64_t>(factor, round_to(info.width, factor)), factor, low, high);
  }
  int64_t low = options.min_pixels, high = options.max_pixels;
  if (options.pipeline == Pipeline::kProcessor5 && options.cap_frame) {
    high = n * std::max(std::min(options.max_video_tokens * token, high / n),
                        static_cast<int64_t>(static_cast<double>(low) * 1.05));
  }
  if (options.frame_pixels) {
    high = std::min(high, *options.frame_pixels * n);
    low = std::min(low, high);
  }
  return smart_resize_video(n, info.height, info.width, g.temporal, factor, low, high);
}

void check_options(const SamplingOptions& o, const PatchGeometry& g) {
  auto need = [](bool ok, std::string_view what, double value) {
    if (ok) return;
    throw Error(ErrorCode::kUsage, fmt::format("plan frames: {} is {}", what, value),
                "choose a larger value");
  };
  constexpr int64_t kMaxPixels = int64_t{1} << 40;
  need(std::isfinite(o.fps) && o.fps > 0, "the sampling rate (frames a second)", o.fps);
  need(!o.frames || *o.frames >= 1, "the number of frames", o.frames.value_or(1));
  need(o.min_frames >= 1, "the least number of frames", o.min_frames);
  need(o.max_frames >= o.min_frames, "the largest number of frames", o.max_frames);
  need(o.min_pixels >= 1, "the least number of pixels", static_cast<double>(o.min_pixels));
  need(o.max_pixels >= 1 && o.max_pixels <= kMaxPixels, "the largest number of pixels",
       static_cast<double>(o.max_pixels));
  need(!o.frame_pixels || (*o.frame_pixels >= 1 && *o.frame_pixels <= kMaxPixels),
       "the largest number of pixels of a frame", static_cast<double>(o.frame_pixels.value_or(1)));
  need(o.max_video_tokens >= 1, "the largest number of tokens of a frame", o.max_video_tokens);
  if (o.frames && *o.frames > kMaxFrames) {
    throw Error(ErrorCode::kUsage,
                fmt::format("plan frames: {} frames asked for, over {}", *o.frames, kMaxFrames),
                "ask for fewer frames or for a shorter window");
  }
  CHECK(g.patch > 0 && g.temporal > 0 && g.merge > 0);
}

}  // namespace

Size smart_resize_video(int64_t frames, int height, int width, int temporal, int factor,
                        int64_t min_pixels, int64_t max_pixels) {
  // A side below one factor is first enlarged to it, as transformers 5 does; 4.57 refuses.
  if (height < factor || width < factor) {
    const double scale =
        std::max(static_cast<double>(factor) / height, static_cast<double>(factor) / width);
    height = static_cast<int>(height * scale);
    width = static_cast<int>(width * scale);
  }
  check_aspect(height, width);
  return fit(round_to(static_cast<double>(frames), temporal), frames, height, width,
             round_to(height, factor), round_to(width, factor), factor,
             static_cast<double>(min_pixels), static_cast<double>(max_pixels));
}

Size smart_resize_image(int height, int width, int factor, int64_t min_pixels, int64_t max_pixels) {
  check_aspect(height, width);
  const Size size = fit(1, 1, height, width, round_to(height, factor), round_to(width, factor),
                        factor, static_cast<double>(min_pixels), static_cast<double>(max_pixels));
  return {std::max(size.height, factor), std::max(size.width, factor)};
}

FramePlan plan_frames(const VideoInfo& info, const SamplingOptions& options,
                      const PatchGeometry& geometry) {
  check_options(options, geometry);
  CHECK(info.frame_count >= 1 && info.width >= 1 && info.height >= 1);
  const Range range = frames_between(info, options);
  int64_t n = count_frames(range.count(), info.frame_rate.value(), options, geometry.temporal);

  FramePlan plan;
  plan.pipeline = options.pipeline;
  plan.indices = spread(range, n, options.pipeline);
  if (n < geometry.temporal) {
    plan.notes.push_back(
        fmt::format("{} frame fills a slot of {}: it is repeated", n, geometry.temporal));
    plan.indices.resize(geometry.temporal, plan.indices.back());
    n = geometry.temporal;
  }
  const Size size = plan_size(info, n, options, geometry);
  plan.height = size.height;
  plan.width = size.width;
  for (int64_t frame : plan.indices) plan.times.push_back(info.frame_time(frame));
  plan.slots = (n + geometry.temporal - 1) / geometry.temporal;
  for (int64_t slot = 0; slot < plan.slots; ++slot) {
    const int64_t first = slot * geometry.temporal;
    const int64_t last = std::min(first + geometry.temporal, n) - 1;
    plan.slot_times.push_back(
        (info.prompt_time(plan.indices[first]) + info.prompt_time(plan.indices[last])) / 2);
  }
  if (info.variable_rate) {
    plan.notes.push_back("variable frame rate: times are the frames' real presentation times");
  }
  return plan;
}

}  // namespace shijian
