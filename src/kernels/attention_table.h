// What attention.cc asks of an instruction set. Private to this folder; plain data only.
#pragma once

#include "kernels/numerics.h"

namespace shijian::kernels {

// A block of rows that read one key head. Row r is head r % group of query r / group, where `group`
// query heads share the key head; q and out point at the first of them, k and v at the key head.
struct AttentionBlock {
  const float* q;
  const float* k;
  const float* v;
  float* out;
  int64_t q_stride, k_stride, v_stride, out_stride;
  int64_t queries, keys, group, head_dim;
  float scale;
  bool causal;
  int64_t begin, end;  // rows
};

constexpr int64_t kAttentionRows = 192;  // of a block, at most

using AttentionFunction = void (*)(const AttentionBlock& block, float* scratch);

// Floats of 64-byte aligned scratch that a block needs.
static inline int64_t attention_scratch(int64_t head_dim) {
  const int64_t padded = (head_dim + kLanes - 1) / kLanes * kLanes;
  return (kAttentionRows + 2 * kKeyBlock) * padded + kAttentionRows * (head_dim + 2) +
         16 * kKeyBlock;
}

void attention_avx2(const AttentionBlock& block, float* scratch);
void attention_avx512(const AttentionBlock& block, float* scratch);

}  // namespace shijian::kernels
