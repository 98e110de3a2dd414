// Where a long video is looked at closely, when looking closely everywhere would cost too much.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "localise/windows.h"

namespace shijian::localise {

struct SearchOptions {
  double usual_fps = 0;   // frames a second of a close look
  double lowest_fps = 0;  // of a coarse one, at least
  double frames = 0;      // to be looked at in all; infinity: close looks everywhere
};

// Looks at one of the windows at a rate; returns how likely it is that what is asked for is there.
using WindowViewer = std::function<double(size_t window, double fps)>;

// Looks closely at every window where there are frames enough. Else half of the frames, or what the
// lowest rate takes, go into one coarse pass over all windows, and the rest into close looks at
// those where most is to be found. Returns the rate that each window was last seen at. Throws what
// `viewer` throws.
std::vector<double> search(std::span<const Window> windows, const SearchOptions& options,
                           const WindowViewer& viewer);

}  // namespace shijian::localise
