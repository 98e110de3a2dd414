// The rate at which editing programs show a video.
#pragma once

#include "base/smpte.h"
#include "video/probe.h"

namespace shijian::video {

// A rate that editors have stays as it is. They conform others to one that they have: here a whole
// multiple, else the nearest. A variable rate counts as the one that its frames usually have, so
// that a screen recording of 30 a second with long stills is 30.
EditRate edit_rate(const VideoInfo& info);

}  // namespace shijian::video
