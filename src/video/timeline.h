// From the packets' clocks to one timeline that never jumps or stands. Internal to video/.
#pragma once

#include <cstdint>
#include <vector>

#include "video/clock_gaps.h"
#include "video/packet_log.h"
#include "video/probe.h"

namespace shijian::video {

// Frames in the order in which they are shown, each by the number of its packet.
struct FrameOrder {
  std::vector<int64_t> packets;
  std::vector<int64_t> restarts;  // frames at which another clock begins, ascending
  bool reordered = false;         // some packet is shown before one that lies before it
  bool missing = false;           // some have no presentation time
  bool repeated = false;          // some have the time of another one
  bool broken_group = false;      // a clock changes where decoding cannot begin
};

// Orders the shown packets by their presentation times. Where the clock goes back by more than
// reordering explains, or on by more than `gaps` allow, those after it come later whatever their
// times are.
FrameOrder order_by_clock(const PacketLog& log, bool may_reorder, const ClockGaps& gaps);

// Returns whether the last frames, from `begin` on, are shown after frames that the file lacks:
// their first packet is no farther ahead in time than reordering put earlier packets, and no later
// packet is farther ahead. `step`: ticks of one frame.
bool lacks_neighbours(const PacketLog& log, const FrameOrder& order, int64_t begin, double step);

// Where a jump was closed up, or a standing clock set going.
struct MendedPlace {
  int64_t frame = 0;
  double shift = 0;  // ticks from the clock's times to the timeline's, from there on
};

struct Timeline {
  std::vector<int64_t> ticks;  // [frames] ascending
  std::vector<MendedPlace> mended;
};

// `stamps`: [frames] the clocks' times in the order of showing, AV_NOPTS_VALUE where unknown;
// `order`: those frames. `rates`: what the header claims. A time that is unknown, or no later than
// the one before it, is set between its neighbours where they leave room, else one frame later, and
// all that follows is moved on. Jumps are closed up to one frame.
Timeline mend_clock(const std::vector<int64_t>& stamps, const FrameOrder& order, Rational time_base,
                    const std::vector<Rational>& rates, const ClockGaps& gaps);

}  // namespace shijian::video
