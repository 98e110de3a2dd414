// Rotary tables: 2-D for the vision encoder, interleaved MRoPE (with YaRN) for the decoder.
//
// Angles are float32 products of a float32 frequency and the position, as the references compute
// them, so that they agree at large positions too, where rounding moves an angle visibly. The
// references' own powers are machine-dependent in the last place for a few frequencies (none
// below 5 of 64 at head_dim 128); ours are correctly rounded, the same on every machine.
#pragma once

#include <cstdint>
#include <vector>

#include "checkpoint/config.h"
#include "model/positions.h"
#include "tensor/tensor.h"

namespace shijian {

// The decoder's rotary embedding. Immutable; safe from many threads.
class TextRope {
 public:
  explicit TextRope(const TextConfig& config);

  int64_t angles() const { return static_cast<int64_t>(inv_freq_.size()); }  // head_dim / 2

  // Cosines and sines of ids[first, first + cos.rows), times the attention factor.
  // cos, sin: [rows, head_dim / 2].
  void tables(const PositionIds& ids, int64_t first, Matrix cos, Matrix sin) const;

 private:
  std::vector<float> inv_freq_;  // [head_dim / 2]
  std::vector<uint8_t> axis_;    // [head_dim / 2]: 0 time, 1 row, 2 column
  float attention_factor_;
};

// Fills the vision encoder's tables for one slot of rows x cols patches, in merge-block order.
// cos, sin: [rows * cols, head_dim / 2].
void vision_rope_tables(int64_t rows, int64_t cols, int64_t merge, int64_t head_dim, Matrix cos,
                        Matrix sin);

// base^(-2i / dim) for i < dim / 2.
std::vector<float> rope_inv_freq(double base, int64_t dim);

}  // namespace shijian
