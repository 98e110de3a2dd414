// The parts of an IVF file. Internal to video/. Any bytes are safe.
#pragma once

#include <vector>

#include "video/container_walk.h"

namespace shijian::video {

// Bytes of a file that are no part of what its demuxer reads.
struct Hidden {
  int64_t at = 0;
  int64_t bytes = 0;
};

// In the order of the file: the headers of further files that were joined to an IVF, and what is
// appended to it. libavformat would take them for a frame. Empty where the file is no IVF.
std::vector<Hidden> hidden_in_ivf(const InputFile& file);

FileEnd ivf_end(const FileBytes& file);

}  // namespace shijian::video
