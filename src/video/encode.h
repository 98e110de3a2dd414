// Pictures that are drawn, not filmed, as video: into an MP4 file's bytes, or there and back again.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "video/probe.h"
#include "video/resize.h"

namespace shijian::video {

struct EncodeOptions {
  std::string codec = "libx264";    // libavcodec's name of the encoder; or "mpeg4"
  std::string preset = "veryfast";  // libx264
  int quality = 26;                 // libx264: CRF; mpeg4: quantiser, 1 to 31
  int b_frames = 2;
  int key_interval = 60;  // frames
};

// Draws frame `index` into rgb, U8 [height, width, 3].
using DrawFrame = std::function<void(int index, uint8_t* rgb)>;
// Receives frame `index`; the picture lives until the call returns.
using TakeFrame = std::function<void(int index, const ConstImage& rgb)>;

// The bytes of an MP4 of `frames` frames of width x height (both even), yuv420p, frame i shown at
// exactly i / rate. The same frames give the same bytes. Thread-safe, as is recompress(). Throws
// Error(kUnsupported) where libavcodec lacks the codec or refuses the options, Error(kInternal)
// where it fails later, std::bad_alloc, and what `draw` throws.
std::string encode_mp4(const EncodeOptions& options, int width, int height, Rational rate,
                       int frames, const DrawFrame& draw);

// Encodes frames and decodes them again, in memory. `take` is called for each frame in order.
// Throws as encode_mp4() does, and what `take` throws.
void recompress(const EncodeOptions& options, int width, int height, int frames,
                const DrawFrame& draw, const TakeFrame& take);

}  // namespace shijian::video
