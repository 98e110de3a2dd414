// Largest step of the pictures' clock that does not count as a jump. Internal to video/.
#pragma once

#include <cstdint>
#include <vector>

#include "base/cancel.h"
#include "video/calls.h"
#include "video/packet_log.h"

namespace shijian::video {

// A part of the sound in which its clock never jumps.
struct SoundRun {
  // Ticks of the video track; a second wider on both sides, since streams are not cut alike.
  int64_t begin = 0, end = 0;
  // Packets of the video track that lie before its first and its last packet in the file.
  int64_t first = 0, last = 0;
};

struct ClockGaps {
  int64_t longest = 0;          // ticks that a picture may stand where nothing else is known
  std::vector<SoundRun> sound;  // in the order of the file; only where it is needed

  // Returns whether sound continues from `from` to `to`, the time of packet number `packet`; a
  // still picture then explains the gap.
  bool still(int64_t from, int64_t to, int64_t packet) const;
};

// `input` is that of `log`. Reads `file` once more where the clock leaps and sound of the same
// programme can tell why. Throws as probe() does.
ClockGaps find_gaps(const InputFile& file, MediaInput& input, const PacketLog& log,
                    const std::stop_token& cancel, const Heartbeat& heartbeat);

}  // namespace shijian::video
