#include "video/patches.h"

#include <algorithm>

#include "base/error.h"

namespace shijian::video {

tensor::Tensor make_patches(const tensor::Tensor& frames, const PatchGeometry& g, ThreadPool& pool,
                            int64_t first, int64_t slots) {
  CHECK(frames.shape().size() == 4 && frames.dim(0) >= 1 && frames.dim(3) == 3, "{}",
        tensor::shape_string(frames.shape()));
  const int64_t n = frames.dim(0), height = frames.dim(1), width = frames.dim(2);
  CHECK(height % g.factor() == 0 && width % g.factor() == 0, "{}",
        tensor::shape_string(frames.shape()));
  const int64_t all = (n + g.temporal - 1) / g.temporal;
  if (slots < 0) slots = all - first;
  CHECK(first >= 0 && slots >= 0 && first + slots <= all, "slots {}+{} of {}", first, slots, all);
  const int64_t grid_h = height / g.patch, grid_w = width / g.patch;
  const int64_t blocks_w = grid_w / g.merge, block = int64_t{g.merge} * g.merge;
  tensor::Tensor patches(tensor::DType::kF32, {slots * grid_h * grid_w, g.patch_values()});

  // Every 8-bit value of every channel once, in the reference's order: the mean and the deviation
  // are scaled to 0..255 in F32, then one subtraction and one division.
  float table[3][256];
  const auto scale = static_cast<float>(1.0 / g.rescale);
  for (int c = 0; c < 3; ++c) {
    const float mean = g.mean[c] * scale, deviation = g.std[c] * scale;
    for (int v = 0; v < 256; ++v) table[c][v] = (static_cast<float>(v) - mean) / deviation;
  }

  const uint8_t* pixels = frames.data<uint8_t>();
  float* out = patches.data<float>();
  const int64_t per_slot = grid_h * grid_w;
  pool.parallel_for(slots * per_slot, 64, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t slot = first + row / per_slot, in_slot = row % per_slot;
      const int64_t in_block = in_slot % block, block_index = in_slot / block;
      const int64_t y = (block_index / blocks_w * g.merge + in_block / g.merge) * g.patch;
      const int64_t x = (block_index % blocks_w * g.merge + in_block % g.merge) * g.patch;
      float* to = out + row * g.patch_values();
      for (int c = 0; c < 3; ++c) {
        for (int t = 0; t < g.temporal; ++t) {
          const int64_t frame = std::min(slot * g.temporal + t, n - 1);
          for (int64_t r = 0; r < g.patch; ++r) {
            const uint8_t* from = pixels + ((frame * height + y + r) * width + x) * 3 + c;
            for (int64_t k = 0; k < g.patch; ++k) *to++ = table[c][from[k * 3]];
          }
        }
      }
    }
  });
  return patches;
}

}  // namespace shijian::video
