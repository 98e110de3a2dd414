// At what rate the frames of a video come, how long it is, and what it lacks. Internal to video/.
#pragma once

#include <vector>

#include "base/cancel.h"
#include "video/calls.h"
#include "video/media_input.h"
#include "video/packet_log.h"
#include "video/probe.h"
#include "video/timeline.h"

namespace shijian::video {

// The rates that the container claims, those unknown as 0/0.
std::vector<Rational> claimed_rates(const AVStream& stream);

// The frames of a file, whose times `info` holds already.
struct ListedFrames {
  const PacketLog& log;
  const FrameOrder& order;
  bool reorders;          // its codec may show pictures in another order than it decodes them
  int64_t last_duration;  // ticks that the last frame's packet claims; 0 when unknown
};

// Fills in the rate, the durations and the damage of `info`, and leaves out last frames that lack
// their neighbours. `input` has been read to its end. Throws as probe() does.
void set_extent(const InputFile& file, MediaInput& input, const ListedFrames& frames,
                VideoInfo& info, const std::stop_token& cancel, const Heartbeat& heartbeat);

}  // namespace shijian::video
