// At what size frames and images are seen.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "video/plan_parts.h"

namespace shijian::video {
namespace {

constexpr int kMaxAspect = 200;

void check_aspect(int height, int width) {
  const double ratio = static_cast<double>(std::max(height, width)) / std::min(height, width);
  if (ratio > kMaxAspect) {
    throw Error(ErrorCode::kUnsupported,
                "plan frames: {}x{} is {:.0f} times as long as it is broad, over {}"_text(
                    width, height, ratio, kMaxAspect),
                "crop the picture"_text);
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

}  // namespace

Size plan_size(const VideoInfo& info, int64_t n, const SamplingOptions& options,
               const PatchGeometry& g) {
  const int factor = g.factor();
  const int64_t token = int64_t{factor} * factor;
  if (options.pipeline == Pipeline::kQwenVlUtils) {
    check_aspect(info.height, info.width);
    double low = static_cast<double>(options.min_frame_pixels.value_or(128 * token));
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
  if (options.min_frame_pixels) low = std::max(low, *options.min_frame_pixels * n);
  if (options.frame_pixels) high = std::min(high, *options.frame_pixels * n);
  if (options.min_frame_pixels || options.frame_pixels) low = std::min(low, high);
  return smart_resize_video(n, info.height, info.width, g.temporal, factor, low, high);
}

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

}  // namespace shijian::video
