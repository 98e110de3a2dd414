// The rate at which editing programs show a video.
#pragma once

#include "base/smpte.h"
#include "video/probe.h"

namespace shijian::video {

// A constant rate that editors have stays as it is. They conform others, and variable ones, to one
// that they have: here a whole multiple of a constant rate, else the nearest to the usual distance
// of frames, so that a screen recording of 30 a second with long stills is 30.
EditRate edit_rate(const VideoInfo& info);

}  // namespace shijian::video
