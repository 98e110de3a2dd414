// Rotary tables: 2-D for the vision encoder, interleaved MRoPE (with YaRN) for the decoder.
//
// Angles are float32 products of a float32 frequency and the position, as the references compute
// them: at large positions that rounding moves an angle visibly. The powers behind the frequencies
// are correctly rounded, the same on every machine; those of the references are so for all but few
// (of 64 at head_dim 128 and theta 5e6, one is a last place off, which moves its angle by 1e-4 at
// position 100,000 and 1e-3 at a million).
#pragma once

#include <cstdint>
#include <vector>

#include "checkpoint/config.h"
#include "model/positions.h"
#include "tensor/tensor.h"

namespace shijian::model {

// The decoder's rotary embedding. Immutable; safe from many threads.
class TextRope {
 public:
  explicit TextRope(const checkpoint::TextConfig& config);

  int64_t angles() const { return static_cast<int64_t>(inv_freq_.size()); }  // head_dim / 2

  // Cosines and sines of ids[first, first + cos.rows), times the attention factor.
  // cos, sin: [rows, head_dim / 2].
  void tables(const PositionIds& ids, int64_t first, tensor::Matrix cos, tensor::Matrix sin) const;

 private:
  std::vector<float> inv_freq_;  // [head_dim / 2]
  std::vector<uint8_t> axis_;    // [head_dim / 2]: 0 time, 1 row, 2 column
  float attention_factor_;
};

// Fills the vision encoder's tables for one slot of rows x cols patches, in merge-block order.
// cos, sin: [rows * cols, head_dim / 2].
void vision_rope_tables(int64_t rows, int64_t cols, int64_t merge, int64_t head_dim,
                        tensor::Matrix cos, tensor::Matrix sin);

// base^(-2i / dim) for i < dim / 2.
std::vector<float> rope_inv_freq(double base, int64_t dim);

}  // namespace shijian::model
