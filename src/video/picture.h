// A decoded picture of any pixel format to upright 8-bit RGB. Internal to video/.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "video/media_input.h"
#include "video/resize.h"
#include "video/tone_map.h"

struct SwsContext;

namespace shijian::video {

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
  // as BT.601 and an unknown range as limited. Alpha is dropped. High dynamic range is tone-mapped
  // to BT.709, from `peak` cd/m² where the file says (0: it does not); with `narrow_gamut` so are
  // the primaries of BT.2020 and P3 without it. The result lives until the next call. Throws
  // Error(kUnsupported) for a size or a pixel format beyond the limits.
  ConstImage convert(const AVFrame& frame, int rotation, bool mirrored, double peak = 0,
                     bool narrow_gamut = false);

 private:
  void prepare(const AVFrame& frame, bool deep);
  void map_colours(const AVFrame& frame, const Colour& colour);

  SwsContext* scaler_ = nullptr;
  int width_ = 0, height_ = 0, format_ = -1, matrix_ = -1, range_ = -1;
  bool deep_ = false;  // 16 bits a channel come out of the scaler
  std::vector<uint8_t> rgb_, turned_;
  std::vector<uint16_t> wide_;
  std::unique_ptr<ToneMap> tone_map_;
};

}  // namespace shijian::video
