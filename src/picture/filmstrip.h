// An answer drawn: frames of the video, the time line and the events on it, as a PNG.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "grounding/output.h"
#include "tensor/tensor.h"

namespace shijian::picture {

// Frames that somebody else owns; the picture chooses a few of them, evenly spread over the window.
struct FilmstripFrames {
  const tensor::Tensor* rgb = nullptr;  // U8 [n, height, width, 3]
  std::span<const double> times;        // [n] seconds, ascending
};

// The PNG of one answer, 1280 pixels wide, height as needed.
// Text is laid out by Pango, so any script that the system has fonts for is drawn.
std::string draw_filmstrip(const grounding::Answer& answer, const FilmstripFrames& frames,
                           TimeFormat time_format);

}  // namespace shijian::picture
