// How much goes on in a video, and where its shots begin: one cheap pass, most of which reads the
// sizes of packets and decodes nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/cancel.h"
#include "video/probe.h"

namespace shijian::video {

// Plain data.
struct VideoScan {
  static constexpr double kStep = 0.5;  // seconds that a value of `activity` stands for

  // [ceil(duration / kStep)] from 0, where the picture stands, to 1. Relative to the video itself:
  // noise of a camera is no activity. Where the file does not tell, 1.
  std::vector<float> activity;
  std::vector<int64_t> cuts;  // the first frame of each shot but the first, ascending

  // The largest activity within from..to, seconds on the timeline.
  float activity_between(double from, double to) const;
};

// Activity comes from the bytes of the packets between key frames: an encoder spends none where
// nothing changes. (Where every frame is a key frame, from the differences of two a second.) Cuts
// are looked for where neighbouring key frames differ or a packet is as large as a key frame's, by
// decoding what lies between, up to a quarter of the frames; beyond that they are taken from the
// packets. Throws the errors of probe().
VideoScan scan(const std::filesystem::path& path, const VideoInfo& info,
               const std::stop_token& cancel = {});

}  // namespace shijian::video
