// Finds a track's frames by decoding it, where packets alone do not tell. Internal to video/.
#pragma once

#include <cstdint>
#include <vector>

#include "base/cancel.h"
#include "video/calls.h"
#include "video/packet_log.h"

namespace shijian::video {

// Decodes from the first key packet on, in two threads, until `limit` frames came out. Returns the
// number of each frame's packet (of its first one, or of the one that brought it out), in the order
// in which frames are shown; empty when nothing decodes. Throws as probe() does.
std::vector<int64_t> decoded_frames(const InputFile& file, const PacketLog& log, int64_t limit,
                                    const std::stop_token& cancel, const Heartbeat& heartbeat);

// Whether the groups of pictures around `packets`, ascending numbers of the log, decode without a
// fault. Throws as probe() does.
bool decodes_around(const InputFile& file, const PacketLog& log,
                    const std::vector<int64_t>& packets, const std::stop_token& cancel,
                    const Heartbeat& heartbeat);

}  // namespace shijian::video
