// The parts of an FLV file. Internal to video/. Any bytes are safe.
#pragma once

#include <vector>

#include "video/container_walk.h"

namespace shijian::video {

// The headers of further files that were joined to an FLV, in the order of the file. libavformat
// would take them for a tag and skip what follows.
std::vector<Hidden> hidden_in_flv(const FileBytes& file);

FileEnd flv_end(const FileBytes& file);

}  // namespace shijian::video
