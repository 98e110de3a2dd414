// Operations on rows: norms, activations, rotary embedding, softmax. Sums over a row in F32 in an
// order that depends on the row's length alone; rows are spread over the pool.
#pragma once

#include <cstdint>

#include "base/threads.h"
#include "tensor/tensor.h"

namespace shijian::kernels {

// y = x / sqrt(mean(x^2) + eps) * weight, for each row. y may be x. weight: [cols].
void rms_norm(ThreadPool& pool, tensor::ConstMatrix x, const float* weight, float eps,
              tensor::Matrix y);

// y = (x - mean) / sqrt(var + eps) * weight + bias, for each row (biased variance). y may be x.
void layer_norm(ThreadPool& pool, tensor::ConstMatrix x, const float* weight, const float* bias,
                float eps, tensor::Matrix y);

// gate = silu(gate) * up, element by element; silu(a) = a / (1 + exp(-a)).
void silu_mul(ThreadPool& pool, tensor::Matrix gate, tensor::ConstMatrix up);

// In place. The tanh form: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
void gelu_tanh(ThreadPool& pool, tensor::Matrix x);

// In place. The exact form: 0.5 x (1 + erf(x / sqrt 2)).
void gelu_erf(ThreadPool& pool, tensor::Matrix x);

// y += x, element by element.
void add(ThreadPool& pool, tensor::ConstMatrix x, tensor::Matrix y);

// Rotate-half rotary embedding, in place, on `heads` heads of head_dim that start at x.row(i):
// pair (j, j + head_dim/2) turns by the angle whose cosine and sine are cos/sin[i][j].
// cos, sin: [rows, head_dim / 2].
void rotary(ThreadPool& pool, tensor::Matrix x, int64_t heads, int64_t head_dim,
            tensor::ConstMatrix cos, tensor::ConstMatrix sin);

// Softmax over each row, in place.
void softmax(ThreadPool& pool, tensor::Matrix x);

// y[i] = row ids[i] of the embedding table as F32. Table F32, F16 or BF16, [rows, cols].
void gather_rows(const tensor::TensorView& table, const int32_t* ids, tensor::Matrix y);

// F16 or BF16 or F32 to F32; exact.
void convert_to_f32(const void* source, tensor::DType dtype, int64_t count, float* target);

}  // namespace shijian::kernels
