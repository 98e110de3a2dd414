// Bicubic resize with antialias on 8-bit RGB, in fixed point: the reference's numbers.
#pragma once

#include <cstdint>

#include "base/threads.h"

namespace shijian::video {

// A picture that somebody else owns: rows of width * 3 bytes, `stride` bytes apart.
struct ConstImage {
  const uint8_t* data = nullptr;  // [height, width, 3]
  int height = 0;
  int width = 0;
  int64_t stride = 0;
};

struct Image {
  uint8_t* data = nullptr;  // [height, width, 3]
  int height = 0;
  int width = 0;
  int64_t stride = 0;
  operator ConstImage() const { return {data, height, width, stride}; }
};

// Cubic filter with a = -0.5, widened when shrinking; horizontal pass first; 16-bit weights
// whose precision follows from the largest; the intermediate is rounded and clamped to 8 bits.
// An axis of unchanged length is copied. Both sizes >= 1; `in` and `out` must not overlap.
void resize_bicubic(const ConstImage& in, const Image& out, ThreadPool& pool);

}  // namespace shijian::video
