// Whether what was found is there: the question is asked again of each event and its surroundings.
#pragma once

#include <vector>

#include "grounding/event.h"
#include "localise/look.h"

namespace shijian::localise {

struct VerifyOptions {
  double start = 0;  // of the pictures, seconds on the timeline
  double end = 0;
  double frame_rate = 0;  // frames a second of the video: no look is closer
  double usual_fps = 0;   // frames a second that the model knows best
  double longest = 0;     // seconds that it is good for at once
  bool twice = false;     // a second look shows more of the surroundings, at the usual rate
  int looks = 100;        // at most; the surest events come first
};

// Seconds on each side of an event that widen it by half on both sides, at least one.
double margin_of(const grounding::Event& event);

// Takes into the evidence of each event how likely a closer look makes it: at the event widened by
// half on both sides, at least a second, at twice the usual rate. Where another event is seen there
// instead, this one is no likelier than not. Events without evidence, or that are longer than
// `longest`, and all where looks say nothing of presence, stay as they are. Throws what `viewer`
// throws.
void verify(std::vector<grounding::Event>& events, const VerifyOptions& options,
            const Viewer& viewer);

}  // namespace shijian::localise
