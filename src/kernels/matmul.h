// Matrix products with weights as checkpoints store them.
#pragma once

#include <cstdint>

#include "base/threads.h"
#include "tensor/tensor.h"

namespace shijian::kernels {

// A Linear's weight: [rows = outputs, cols = inputs], row-major, F32, F16 or BF16.
struct WeightView {
  const void* data = nullptr;
  tensor::DType dtype = tensor::DType::kF32;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;  // elements from row to row
};

// y[m, n] = x[m, k] . w[n, k]^T + bias[n]; bias may be null.
// Products and sums in F32. The order in which an element of y is summed depends on k alone:
// never on m, on n, on the number of threads or on the row's place in x, so a row computed alone
// and a row computed among thousands are equal to the bit.
// x and y must not overlap.
void matmul(ThreadPool& pool, tensor::ConstMatrix x, const WeightView& w, const float* bias,
            tensor::Matrix y);

// The same for a weight stored transposed, [rows = inputs, cols = outputs] (4.57-era experts).
void matmul_transposed(ThreadPool& pool, tensor::ConstMatrix x, const WeightView& w,
                       tensor::Matrix y);

}  // namespace shijian::kernels
