// A look of the model at a part of a video: what the steps of localise ask for, and what they
// learn. Whoever can look stands behind a function, so that perfect answers can take the model's
// place.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "grounding/event.h"

namespace shijian::localise {

struct Look {
  double from = 0;  // seconds on the timeline
  double to = 0;
  double fps = 0;           // frames a second, at most the video's own
  std::string_view reason;  // "start", "end", "event", "check" or "rest": what is to be seen there
};

struct Sighting {
  std::vector<grounding::Event> events;  // on the file's timeline, from <= start <= end <= to
  double gap = 0;                        // seconds between the temporal slots that were seen
  std::optional<double> presence;        // how likely it is that any is there; empty: unknown
};

// Asks the question again of this part alone. Throws what a run of the model throws.
using Viewer = std::function<Sighting(const Look&)>;

}  // namespace shijian::localise
