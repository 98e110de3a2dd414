#include "kernels/matmul.h"

#include "base/error.h"
#include "kernels/scalar.h"

namespace shijian::kernels {
namespace {

void check_operands(ConstMatrix x, const WeightView& w, int64_t w_inputs, int64_t w_outputs,
                    Matrix y) {
  CHECK(w.dtype == DType::kF32 || w.dtype == DType::kF16 || w.dtype == DType::kBF16, "weight is {}",
        dtype_name(w.dtype));
  CHECK(x.rows >= 0 && x.cols >= 0 && w.rows >= 0 && w.cols >= 0);
  CHECK(x.cols == w_inputs, "x has {} columns, the weight {} inputs", x.cols, w_inputs);
  CHECK(y.cols == w_outputs, "y has {} columns, the weight {} outputs", y.cols, w_outputs);
  CHECK(x.rows == y.rows, "x has {} rows, y {}", x.rows, y.rows);
  CHECK(x.stride >= x.cols && y.stride >= y.cols && w.stride >= w.cols, "strides {} {} {}",
        x.stride, y.stride, w.stride);
  const float* x_end = x.data + x.rows * x.stride;
  const float* y_end = y.data + y.rows * y.stride;
  CHECK(x.data >= y_end || y.data >= x_end || x.rows == 0, "x and y overlap");
}

}  // namespace

void matmul(ThreadPool& pool, ConstMatrix x, const WeightView& w, const float* bias, Matrix y) {
  check_operands(x, w, w.cols, w.rows, y);
  pool.parallel_for(y.cols, 16,
                    [&](int64_t begin, int64_t end) { scalar::matmul(x, w, bias, y, begin, end); });
}

void matmul_transposed(ThreadPool& pool, ConstMatrix x, const WeightView& w, Matrix y) {
  check_operands(x, w, w.rows, w.cols, y);
  pool.parallel_for(y.cols, 16, [&](int64_t begin, int64_t end) {
    scalar::matmul_transposed(x, w, y, begin, end);
  });
}

}  // namespace shijian::kernels
