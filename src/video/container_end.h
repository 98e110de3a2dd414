// Whether a file ends before its container does. Internal to video/.
#pragma once

#include "video/input_file.h"

namespace shijian::video {

// True for MP4, MOV, Matroska, WebM and AVI whose outermost boxes, segments or chunks say that more
// bytes follow than there are. Any bytes are safe. Other files never say.
bool ends_early(const InputFile& file);

}  // namespace shijian::video
