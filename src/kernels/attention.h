// Scaled dot-product attention with grouped queries, without a full score matrix.
#pragma once

#include <cstdint>

#include "base/threads.h"
#include "tensor/tensor.h"

namespace shijian::kernels {

// Query row i of head h is q + i * q_stride + h * head_dim; key row j of key head g is
// k + j * k_stride + g * head_dim (v likewise); the output is laid out as q with out_stride.
// Query head h reads key head h / (heads / kv_heads).
struct AttentionArgs {
  const float* q = nullptr;  // [queries, heads, head_dim]
  const float* k = nullptr;  // [keys, kv_heads, head_dim]
  const float* v = nullptr;  // [keys, kv_heads, head_dim]
  float* out = nullptr;      // [queries, heads, head_dim]
  int64_t queries = 0;
  int64_t keys = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t q_stride = 0;
  int64_t k_stride = 0;
  int64_t v_stride = 0;
  int64_t out_stride = 0;
  float scale = 1;
  // Causal: query i is key row keys - queries + i and sees the keys up to itself.
  bool causal = false;
};

// The result for a query depends only on the keys it sees, to the bit: not on how many queries
// are computed together and not on the number of threads (keys are summed in blocks that start
// at fixed multiples).
void attention(ThreadPool& pool, const AttentionArgs& args);

}  // namespace shijian::kernels
