// The specification: each operation written plainly, one element or row at a time. The vector
// versions are faster and give the same bits. Private to this folder.
#pragma once

#include <cstdint>

#include "kernels/attention.h"
#include "kernels/matmul.h"
#include "tensor/tensor.h"

namespace shijian::kernels::scalar {

// Element `index` of F32, F16 or BF16 storage.
float widen(const void* data, DType dtype, int64_t index);

// e^x to 1 ulp over the whole range of floats.
float exp(float x);
// e^x for x <= 0 as softmax uses it: 0 below kSoftmaxMin.
float exp_softmax(float x);

// Sum in the order of numerics.h of count products a[i] * b[i].
float dot(const float* a, const float* b, int64_t count);

// Columns [begin, end) of y.
void matmul(ConstMatrix x, const WeightView& w, const float* bias, Matrix y, int64_t begin,
            int64_t end);
void matmul_transposed(ConstMatrix x, const WeightView& w, Matrix y, int64_t begin, int64_t end);

// The output of one query and head.
void attention(const AttentionArgs& args, int64_t query, int64_t head);

// One row of `count` elements each; see rows.h.
void rms_norm(const float* x, const float* weight, float eps, float* y, int64_t count);
void layer_norm(const float* x, const float* weight, const float* bias, float eps, float* y,
                int64_t count);
void silu_mul(float* gate, const float* up, int64_t count);
void gelu_tanh(float* x, int64_t count);
void gelu_erf(float* x, int64_t count);
void add(const float* x, float* y, int64_t count);
void rotary(float* x, int64_t heads, int64_t head_dim, const float* cos, const float* sin);
void softmax(float* x, int64_t count);
void convert(const void* source, DType dtype, int64_t begin, int64_t count, float* target);

}  // namespace shijian::kernels::scalar
