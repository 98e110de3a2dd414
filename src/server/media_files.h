// Pictures made of a video, for the page.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "http/server.h"
#include "tensor/tensor.h"

namespace shijian {

// Frames side by side in one JPEG.
struct FrameStrip {
  std::string jpeg;
  std::vector<double> times;  // [frames] seconds on the timeline
  int width = 0, height = 0;  // of one frame
};

// `count` frames from the first to the last, `height` pixels high. The errors of probe and decode.
FrameStrip evenly_spaced_frames(const std::filesystem::path& file, int count, int height);

// rgb: U8 [frames, height, width, 3].
FrameStrip strip_of(const Tensor& rgb, std::vector<double> times);

// With the headers X-Frame-Times and X-Frame-Size.
HttpResponse strip_response(const FrameStrip& strip);

}  // namespace shijian
