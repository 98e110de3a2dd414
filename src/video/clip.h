// Parts of a video as an MP4 file of their own, with their sound, rotation and frame times.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/descriptor.h"
#include "video/probe.h"

namespace shijian::video {

enum class ClipMode {
  kExact,  // pictures and sound are encoded again (H.264, AAC): each part is exactly what it shall
  kFast,   // packets are copied where MP4 holds them
};

// Seconds on the timeline of the source.
struct ClipSpan {
  double from = 0;
  double to = 0;
};

// What became of the video's sound.
enum class SoundState : uint8_t {
  kAbsent,   // the video has none
  kCopied,   // as it is in the video
  kEncoded,  // decoded and encoded again as AAC
  kPartly,   // likewise, with silence where it could not be decoded
  kLost,     // the video has sound that cannot be read: the clip is silent
};

struct ClipSound {
  SoundState state = SoundState::kAbsent;
  std::string codec;   // the video's: "aac", "eac3", ...; empty when it has no sound
  std::string reason;  // of kLost and kPartly: "no-decoder", "unknown-format" or "damaged"
};
const char* sound_state_name(SoundState state);  // "absent", "copied", ...

struct ClipResult {
  std::vector<ClipSpan> parts;  // what the clip really shows, as many as were wanted
  ClipSound sound;
};

constexpr size_t kMaxClipParts = 1000;

// Writes the MP4, its index in front, into `output`, an empty file open for reading and writing.
// Several parts follow each other in the order given; they may overlap.
//
// Times within half a millisecond count as the same, since people are shown thousandths. A part
// begins with the frame on screen at its `from`. An exact part ends at its `to`; sound keeps its
// place to the sample, an edit list hides the encoder's priming. A fast clip of one part holds the
// packets from the key frame before on, an edit list lets players begin at `from`, and it ends with
// the packets needed; with several parts each begins at the key frame before. Sound is copied into
// a fast clip of one part where MP4 players know its codec, else encoded.
//
// Throws Error: kUsage (a span that is empty or outside the video, no or too many spans),
// kUnsupported (kFast: the codec of the pictures does not go into MP4, or the file has no
// presentation times; kExact: no H.264 encoder), kInvalid when no frame of the parts decodes,
// kCancelled, kIo, and the errors of probe(), which takes `stream` too.
ClipResult write_clip(const std::filesystem::path& video, const std::vector<ClipSpan>& parts,
                      ClipMode mode, const Descriptor& output, const std::stop_token& cancel = {},
                      int stream = kMainStream);

}  // namespace shijian::video
