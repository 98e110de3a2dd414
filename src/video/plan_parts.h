// What plan.cc and plan_size.cc share. Internal to video/.
#pragma once

#include <cmath>
#include <cstdint>

#include "video/plan.h"

namespace shijian::video {

// The nearest multiple, ties to the even one, as the reference's rounding does.
inline int64_t round_to(double value, int factor) {
  return static_cast<int64_t>(std::nearbyint(value / factor)) * factor;
}
inline int64_t floor_to(double value, int factor) {
  return static_cast<int64_t>(std::floor(value / factor)) * factor;
}
inline int64_t ceil_to(double value, int factor) {
  return static_cast<int64_t>(std::ceil(value / factor)) * factor;
}

// The size of each of `n` frames. Throws Error(kUnsupported) for pictures that are too thin.
Size plan_size(const VideoInfo& info, int64_t n, const SamplingOptions& options,
               const PatchGeometry& g);

}  // namespace shijian::video
