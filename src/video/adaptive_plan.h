// Where to look how often: more where much goes on, and on both sides of each cut.
#pragma once

#include <cstdint>
#include <vector>

#include "video/plan.h"
#include "video/probe.h"
#include "video/scan.h"

namespace shijian::video {

struct AdaptiveOptions {
  double busy_fps = 2;     // frames a second where something goes on
  double still_fps = 0.5;  // and where nothing does
  int temporal = 2;        // frames of a slot
  int64_t max_frames = 768;
  double from = 0;  // seconds on the timeline
  double to = 0;
};

// Parts of from..to in order, without a gap, none across a cut. Together they ask for at most
// max_frames frames: where the rates ask for more, they come down alike, and where there are more
// shots than slots, neighbours are joined.
std::vector<RateSpan> adaptive_spans(const VideoInfo& info, const VideoScan& scan,
                                     const AdaptiveOptions& options);

}  // namespace shijian::video
