#include "kernels/rows.h"

#include <algorithm>

#include "base/error.h"
#include "kernels/isa.h"
#include "kernels/rows_table.h"
#include "kernels/storage.h"

namespace shijian::kernels {
namespace {

// Rows that make a piece worth handing to another thread.
int64_t rows_grain(int64_t cols) {
  return std::max<int64_t>(1, 16384 / std::max<int64_t>(1, cols));
}

void check_matrix(tensor::ConstMatrix x) {
  CHECK(x.rows >= 0 && x.cols >= 0 && x.stride >= x.cols, "[{}, {}] stride {}", x.rows, x.cols,
        x.stride);
}

void check_pair(tensor::ConstMatrix x, tensor::ConstMatrix y) {
  check_matrix(x);
  check_matrix(y);
  CHECK(x.rows == y.rows && x.cols == y.cols, "[{}, {}] and [{}, {}]", x.rows, x.cols, y.rows,
        y.cols);
}

template <typename Row>
void each_row(ThreadPool& pool, tensor::ConstMatrix x, const Row& row) {
  if (x.cols == 0) return;
  pool.parallel_for(x.rows, rows_grain(x.cols), [&row](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) row(i);
  });
}

}  // namespace

const RowsTable& active_rows_table() {
  switch (active_isa()) {
    case Isa::kScalar:
      return kRowsScalar;
    case Isa::kAvx2:
      return kRowsAvx2;
    case Isa::kAvx512:
      return kRowsAvx512;
  }
  return kRowsScalar;
}

void rms_norm(ThreadPool& pool, tensor::ConstMatrix x, const float* weight, float eps,
              tensor::Matrix y) {
  check_pair(x, y);
  const RowsTable& t = active_rows_table();
  each_row(pool, x, [&](int64_t i) { t.rms_norm(x.row(i), weight, eps, y.row(i), x.cols); });
}

void layer_norm(ThreadPool& pool, tensor::ConstMatrix x, const float* weight, const float* bias,
                float eps, tensor::Matrix y) {
  check_pair(x, y);
  const RowsTable& t = active_rows_table();
  each_row(pool, x,
           [&](int64_t i) { t.layer_norm(x.row(i), weight, bias, eps, y.row(i), x.cols); });
}

void silu_mul(ThreadPool& pool, tensor::Matrix gate, tensor::ConstMatrix up) {
  check_pair(gate, up);
  const RowsTable& t = active_rows_table();
  each_row(pool, gate, [&](int64_t i) { t.silu_mul(gate.row(i), up.row(i), gate.cols); });
}

void gelu_tanh(ThreadPool& pool, tensor::Matrix x) {
  check_matrix(x);
  const RowsTable& t = active_rows_table();
  each_row(pool, x, [&](int64_t i) { t.gelu_tanh(x.row(i), x.cols); });
}

void gelu_erf(ThreadPool& pool, tensor::Matrix x) {
  check_matrix(x);
  const RowsTable& t = active_rows_table();
  each_row(pool, x, [&](int64_t i) { t.gelu_erf(x.row(i), x.cols); });
}

void add(ThreadPool& pool, tensor::ConstMatrix x, tensor::Matrix y) {
  check_pair(x, y);
  const RowsTable& t = active_rows_table();
  each_row(pool, x, [&](int64_t i) { t.add(x.row(i), y.row(i), x.cols); });
}

void rotary(ThreadPool& pool, tensor::Matrix x, int64_t heads, int64_t head_dim,
            tensor::ConstMatrix cos, tensor::ConstMatrix sin) {
  check_matrix(x);
  check_pair(cos, sin);
  CHECK(heads >= 0 && head_dim > 0 && head_dim % 2 == 0 && heads * head_dim <= x.cols,
        "{} heads of {} in rows of {}", heads, head_dim, x.cols);
  CHECK(cos.rows == x.rows && cos.cols == head_dim / 2, "angles [{}, {}] for {} rows, head_dim {}",
        cos.rows, cos.cols, x.rows, head_dim);
  const RowsTable& t = active_rows_table();
  each_row(pool, x,
           [&](int64_t i) { t.rotary(x.row(i), heads, head_dim, cos.row(i), sin.row(i)); });
}

void softmax(ThreadPool& pool, tensor::Matrix x) {
  check_matrix(x);
  const RowsTable& t = active_rows_table();
  each_row(pool, x, [&](int64_t i) { t.softmax(x.row(i), x.cols); });
}

void gather_rows(const tensor::TensorView& table, const int32_t* ids, tensor::Matrix y) {
  CHECK(table.shape.size() == 2, "table {}", tensor::shape_string(table.shape));
  check_matrix(y);
  const int64_t rows = table.shape[0], cols = table.shape[1];
  CHECK(y.cols == cols, "table {}, target of {} columns", tensor::shape_string(table.shape),
        y.cols);
  const auto* data = static_cast<const std::byte*>(table.data);
  const size_t row_bytes = static_cast<size_t>(cols) * tensor::dtype_size(table.dtype);
  for (int64_t i = 0; i < y.rows; ++i) {
    CHECK(ids[i] >= 0 && ids[i] < rows, "row {} of {}", ids[i], rows);
    convert_to_f32(data + static_cast<size_t>(ids[i]) * row_bytes, table.dtype, cols, y.row(i));
  }
}

void convert_to_f32(const void* source, tensor::DType dtype, int64_t count, float* target) {
  CHECK(
      dtype == tensor::DType::kF32 || dtype == tensor::DType::kF16 || dtype == tensor::DType::kBF16,
      "{}", tensor::dtype_name(dtype));
  active_rows_table().widen(source, storage_of(dtype), count, target);
}

}  // namespace shijian::kernels
