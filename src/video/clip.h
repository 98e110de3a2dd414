// A part of a video as an MP4 file of its own, with its sound, its rotation and its frame times.
#pragma once

#include <filesystem>

#include "base/cancel.h"
#include "base/descriptor.h"
#include "video/probe.h"

namespace shijian {

enum class ClipMode {
  kExact,  // decoded and encoded again (H.264, AAC): begins and ends where it shall
  kFast,   // packets are copied: begins at the key frame before, ends with the packets needed
};

// Seconds on the timeline of the source.
struct ClipSpan {
  double from = 0;
  double to = 0;
};

// Writes the MP4, its index in front, into `output`, an empty file open for reading and writing,
// and returns what the clip really spans; its own time 0 is `from` of that. An exact clip begins
// with the frame on screen at wanted.from; times within half a millisecond count as the same, since
// people are shown thousandths. Sound that cannot be decoded is left out of an exact clip. Throws
// Error: kUsage (a span that is empty or outside the video), kUnsupported (kFast: the codec does
// not go into MP4, or the file has no presentation times; kExact: no H.264 encoder), kInvalid when
// no frame of the part decodes, kCancelled, kIo, and the errors of probe().
ClipSpan write_clip(const std::filesystem::path& video, const ClipSpan& wanted, ClipMode mode,
                    const Descriptor& output, const CancelToken& cancel = {});

}  // namespace shijian
