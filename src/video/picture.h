// A decoded picture of any pixel format to upright 8-bit RGB. Internal to video/.
#pragma once

#include <cstdint>
#include <vector>

#include "video/media_input.h"
#include "video/resize.h"

struct SwsContext;

namespace shijian {

// Holds one full-size RGB picture (two while turning) and the conversion's tables, and reuses them.
// Not thread-safe.
class PictureConverter {
 public:
  PictureConverter() = default;
  ~PictureConverter();
  PictureConverter(const PictureConverter&) = delete;
  PictureConverter& operator=(const PictureConverter&) = delete;

  // Full-range RGB of the frame at its own size, then turned clockwise by `rotation` (0, 90, 180,
  // 270) and then mirrored left-right. Matrix and range are the frame's; an unknown matrix counts
  // as BT.601 and an unknown range as limited. Alpha is dropped. The result lives until the next
  // call. Throws Error(kUnsupported) for a size or a pixel format beyond the limits.
  ConstImage convert(const AVFrame& frame, int rotation, bool mirrored);

 private:
  void prepare(const AVFrame& frame);

  SwsContext* scaler_ = nullptr;
  int width_ = 0, height_ = 0, format_ = -1, matrix_ = -1, range_ = -1;
  std::vector<uint8_t> rgb_, turned_;
};

}  // namespace shijian
