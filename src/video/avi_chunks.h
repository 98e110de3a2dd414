// What the chunks of AVI say that libavformat does not pass on. Internal to video/.
#pragma once

#include <cstdint>

#include "video/input_file.h"

namespace shijian::video {

// The number of empty chunks of stream `stream` behind its last one that holds something. Each
// stands for a frame that a recorder dropped, the picture before it being shown again. 0 where the
// file is no AVI. Any bytes are safe.
int64_t dropped_at_end(const InputFile& file, int stream);

}  // namespace shijian::video
