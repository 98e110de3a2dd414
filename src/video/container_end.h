// Whether a file ends before its container does. Internal to video/.
#pragma once

#include <vector>

#include "video/input_file.h"

namespace shijian::video {

enum class FileEnd {
  kUnknown,  // the container does not say where it ends: it may have been cut between two packets
  kWhole,
  kEarly,      // the header promises further bytes, which need not hold pictures
  kTruncated,  // the file ends inside a packet, a page or a frame, or lacks its trailer
};

// What the outermost boxes, segments, chunks or objects of MP4, MOV, Matroska, WebM, AVI, WebP and
// ASF say, and those inside where Matroska or AVI leaves a length open; how FLV, GXF, RealMedia,
// Y4M, Ogg, GIF, APNG, IVF, DV and transport streams end. Any bytes are safe.
FileEnd find_end(const InputFile& file);

// Returns whether the header of an AVI or IVF was left as it was before the first frame, as in what
// was written to a pipe: then the lengths that it names mean nothing.
bool is_unfinished(const InputFile& file);

// Finds what VideoInfo::hidden holds: empty but in IVF and FLV. Any bytes are safe.
std::vector<Hidden> find_hidden(const InputFile& file);

}  // namespace shijian::video
