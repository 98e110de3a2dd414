// Long videos in parts: where the parts lie, and one answer from what was seen in each.
#pragma once

#include <span>
#include <vector>

#include "grounding/event.h"

namespace shijian::localise {

struct Window {
  double from = 0;  // seconds on the timeline
  double to = 0;
};

// Parts of from..to in order, each at most `longest` seconds. A part ends where the last shot of
// its last quarter begins (`shots`: their starts in seconds, ascending), and the next one begins
// there; else neighbours overlap by `overlap`, less than a quarter of `longest`: what a boundary
// cuts off, the other shows whole. No part is shorter than the overlap. The whole where it is no
// longer.
std::vector<Window> split(double from, double to, double longest, double overlap,
                          std::span<const double> shots);

// What was found in one window, on the timeline of the video.
struct WindowEvents {
  Window window;
  std::vector<grounding::Event> events;  // in order, within the window
  double gap = 0;                        // seconds between the slots that were seen
};

// The events of all windows (ascending), in order. An event that reaches the edge of its window,
// within one gap, and one of the next window that overlaps or meets it are one; so are two that
// overlap by half of the shorter. Together they last from the first start to the last end, but for
// an end that a window's edge cut off; their confidence is the higher, with its evidence.
std::vector<grounding::Event> join(std::span<const WindowEvents> windows);

}  // namespace shijian::localise
