// Finds the boundaries of events more exactly: the question is asked again of a small part around
// each, whose frames lie closer together, until the doubt is small enough.
#pragma once

#include <span>
#include <vector>

#include "grounding/event.h"
#include "localise/look.h"

namespace shijian::localise {

struct ZoomOptions {
  double precision = 0.1;  // seconds: a boundary whose uncertainty is no larger is not asked again
  int rounds = 2;          // at most: each brings the frames closer together
  int looks = 100;         // at most, at all boundaries; those that are left stay as they are
  double start = 0;        // of the pictures, seconds on the timeline
  double end = 0;
  double frame_rate = 0;  // frames a second of the video: no look is closer
};

// Moves the boundaries of `events`, which were seen in temporal slots at `slot_times` ([slots],
// sorted, seconds on the timeline), and sets the uncertainty of those that were found again. A
// boundary that is not found again stays as it is. Boundaries at the pictures' own start and end
// are not asked. Events stay in order. Throws what `viewer` throws.
void zoom(std::vector<grounding::Event>& events, std::span<const double> slot_times,
          const ZoomOptions& options, const Viewer& viewer);

}  // namespace shijian::localise
