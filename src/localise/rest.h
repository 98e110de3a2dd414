// What else there is in a window in which something was found: a model that names one event in an
// answer is asked again of the rest.
#pragma once

#include <span>
#include <vector>

#include "grounding/event.h"
#include "localise/look.h"
#include "localise/windows.h"

namespace shijian::localise {

struct RestOptions {
  double gap = 0;         // seconds between the slots that the window was seen in
  double frame_rate = 0;  // frames a second of the video: no look is closer
  double usual_fps = 0;   // frames a second that the model knows best
  int looks = 16;         // at most
};

// Asks the question again of what `events`, which are in order and of which some may lie elsewhere,
// leave of `window`, and of what new finds leave of that, until nothing more is found. Returns the
// finds, in order; what goes on where a known event ends or begins is that event and no find. A
// window without events is not asked. Throws what `viewer` throws.
std::vector<grounding::Event> look_at_rest(std::span<const grounding::Event> events,
                                           const Window& window, const RestOptions& options,
                                           const Viewer& viewer);

}  // namespace shijian::localise
