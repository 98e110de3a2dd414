// The specification: each operation written plainly, one element or row at a time (operations on
// rows: kRowsScalar in rows_table.h). The vector versions are faster and give the same bits.
// Private to this folder.
#pragma once

#include <cstdint>

#include "kernels/attention.h"
#include "kernels/matmul.h"
#include "kernels/numerics.h"
#include "tensor/tensor.h"

namespace shijian::kernels::scalar {

// Element `index` of F32, F16 or BF16 storage.
float widen(const void* data, Storage storage, int64_t index);

// e^x to 1 ulp over the whole range of floats.
float exp(float x);
// e^x for x <= 0 as softmax uses it: 0 below kSoftmaxMin.
float exp_softmax(float x);

// Sum in the order of numerics.h of count products a[i] * b[i].
float dot(const float* a, const float* b, int64_t count);

// Columns [begin, end) of y.
void matmul(tensor::ConstMatrix x, const WeightView& w, const float* bias, tensor::Matrix y,
            int64_t begin, int64_t end);
void matmul_transposed(tensor::ConstMatrix x, const WeightView& w, tensor::Matrix y, int64_t begin,
                       int64_t end);

// The output of one query and head.
void attention(const AttentionArgs& args, int64_t query, int64_t head);

}  // namespace shijian::kernels::scalar
