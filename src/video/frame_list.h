// Which frames a video has and when each is shown. Internal to video/.
#pragma once

#include "base/cancel.h"
#include "video/calls.h"
#include "video/media_input.h"
#include "video/probe.h"

namespace shijian::video {

// Fills in all that an info says of frames, of times and of damage, and the time code that the
// first packet has where the header has none; the time base is known. Reads
// `input`, of which nothing has been read, to its end, and decodes `file` where its packets do not
// tell. Throws as probe() does.
void list_frames(const InputFile& file, MediaInput& input, VideoInfo& info,
                 const std::stop_token& cancel, const Heartbeat& heartbeat);

}  // namespace shijian::video
