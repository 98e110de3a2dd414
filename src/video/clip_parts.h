// The two ways to cut a clip, and what they share. Internal to video/.
#pragma once

#include <cstdint>

#include "video/calls.h"
#include "video/clip.h"
#include "video/input_file.h"
#include "video/media_input.h"
#include "video/probe.h"

namespace shijian::video {

constexpr double kSameTime = 0.0005;  // seconds: times that people read have three decimals

struct ClipRequest {
  const InputFile& video;
  const VideoInfo& info;
  const std::vector<ClipSpan>& parts;
  int output;  // a file descriptor
  const std::stop_token& cancel;
  const Heartbeat& heartbeat;
};

ClipResult encode_clip(const ClipRequest& request);  // ClipMode::kExact
ClipResult copy_clip(const ClipRequest& request);    // ClipMode::kFast

// Seconds of the container's clock at the timeline's 0.
inline double clock_zero(const VideoInfo& info) {
  return static_cast<double>(info.frame_pts.front()) * info.time_base.value() - info.start_time;
}

// The source's own ticks, divided where they are too coarse for a beginning between two frames.
AVRational clip_time_base(AVRational source);

inline AVRational av(Rational r) { return {static_cast<int>(r.num), static_cast<int>(r.den)}; }

}  // namespace shijian::video
