// Whether a file ends before its container does. Internal to video/.
#pragma once

#include "video/input_file.h"

namespace shijian::video {

enum class FileEnd {
  kUntold,  // the container does not say where it ends: it may have been cut between two packets
  kWhole,
  kEarly,   // its header says that more bytes follow; whether pictures are among them is untold
  kInside,  // of a packet, a page or a frame, or without the end that all such files have
};

// What the outermost boxes, segments, chunks or objects of MP4, MOV, Matroska, WebM, AVI, WebP and
// ASF say, and how Ogg, GIF, APNG, IVF, DV and transport streams end. Any bytes are safe.
FileEnd find_end(const InputFile& file);

}  // namespace shijian::video
