// The parts of an IVF file. Internal to video/. Any bytes are safe.
#pragma once

#include <vector>

#include "video/container_walk.h"

namespace shijian::video {

// In the order of the file: the headers of further files that were joined to an IVF, and what is
// appended to it. libavformat would take them for a frame. Empty where the file is no IVF.
std::vector<Hidden> hidden_in_ivf(const FileBytes& file);

FileEnd ivf_end(const FileBytes& file);

}  // namespace shijian::video
