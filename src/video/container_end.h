// Whether a file ends before its container does. Internal to video/.
#pragma once

#include "video/input_file.h"

namespace shijian::video {

// True for MP4, MOV, Matroska, WebM, AVI, WebP and ASF whose outermost boxes, segments, chunks or
// objects say that more bytes follow than there are: whether pictures are among them, the header
// may tell. Any bytes are safe. Other files never say.
bool ends_early(const InputFile& file);

// True for Ogg, GIF and APNG without the end that they all have, and for transport streams, DV and
// IVF that end inside a packet or a frame. Any bytes are safe. Other files never say.
bool breaks_off(const InputFile& file);

}  // namespace shijian::video
