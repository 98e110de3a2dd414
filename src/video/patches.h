// Frames to the vision encoder's input.
#pragma once

#include "base/threads.h"
#include "tensor/tensor.h"
#include "video/plan.h"

namespace shijian::video {

// frames U8 [n, height, width, 3], height and width multiples of the factor, n >= 1; when n is no
// multiple of `temporal` the last frame repeats.
// Gives those of slots [first, first + slots) of them, slots < 0 meaning all that follow,
// F32 [slots * grid_h * grid_w, 3 * temporal * patch * patch]: rows ordered by slot, then
// merge block by merge block (block row, block column, row inside, column inside), values in the
// order channel, time, row, column; value = (x - mean/rescale) / (std/rescale) in F32.
tensor::Tensor make_patches(const tensor::Tensor& frames, const PatchGeometry& geometry,
                            ThreadPool& pool, int64_t first = 0, int64_t slots = -1);

}  // namespace shijian::video
