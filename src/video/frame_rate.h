// Estimates the exact frame rate and whether it is constant. Internal to video/.
#pragma once

#include <cstdint>
#include <vector>

#include "video/probe.h"

namespace shijian::video {

struct RateEstimate {
  Rational rate;  // > 0
  bool constant = false;
};

// pts: ascending ticks of `time_base`, at least one. Constant means that one rate explains every
// time within the rounding of the clock (one tick, or 1 ms where that is more). `claimed` are the
// header's rates, tried first; then the usual rates of cameras, then the simplest fraction that
// fits. `last_duration` in ticks, or 0, serves a single frame.
RateEstimate estimate_rate(const std::vector<int64_t>& pts, Rational time_base,
                           const std::vector<Rational>& claimed, int64_t last_duration);

// Ticks from one frame to the next as they usually are, the median: stills do not count. 0 for one
// frame.
int64_t usual_gap(const std::vector<int64_t>& pts);

}  // namespace shijian::video
