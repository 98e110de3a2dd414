// From the stamps of slots that an answer names to the time that they stand for.
#pragma once

#include <cstddef>
#include <span>

#include "grounding/event.h"

namespace shijian::grounding {

// The temporal slots that a model saw: two frames each, stamped with the mean of their times.
struct SlotStamps {
  std::span<const double> times;  // [slots], sorted, seconds
  double from = 0, to = 0;        // the window that they sample, seconds
  double clock_rate = 1;  // seconds of the prompt's clock, which is printed, in one of these
};

// Seconds between the two slots around `time`, the nearest two before the first and after the last.
// slot_times: [slots], sorted; 0 for fewer than two.
double slot_gap(std::span<const double> slot_times, double time);

struct CoveredTime {
  double start = 0;
  double end = 0;
};

// The time that an event takes of which slots first..last (first <= last < slots) show evidence and
// the others none. A slot shows evidence when either of its frames does, so a boundary lies between
// the last frame without and the first frame with it: from half a gap before the slot's stamp to
// its stamp, a quarter of a gap before on average. What the first slot shows begins with the window
// and what the last one shows ends with it. An event in one slot alone gets all of that slot, to
// half a gap on both sides. Where there is but one slot, the window.
CoveredTime time_of_slots(const SlotStamps& slots, size_t first, size_t last);

// Gives events whose two times are stamps, as printed with one decimal, the time that these slots
// stand for; others stay as they are. Events that were apart do not overlap after.
void cover_slots(std::span<Event> events, const SlotStamps& slots);

}  // namespace shijian::grounding
