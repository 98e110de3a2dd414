#include "kernels/matmul.h"

#include <algorithm>

#include "base/error.h"
#include "kernels/isa.h"
#include "kernels/matmul_table.h"
#include "kernels/rows_table.h"
#include "kernels/scalar.h"
#include "kernels/scratch.h"
#include "kernels/storage.h"

namespace shijian::kernels {
namespace {

void check_operands(tensor::ConstMatrix x, const WeightView& w, int64_t w_inputs, int64_t w_outputs,
                    tensor::Matrix y) {
  CHECK(w.dtype == tensor::DType::kF32 || w.dtype == tensor::DType::kF16 ||
            w.dtype == tensor::DType::kBF16,
        "weight is {}", tensor::dtype_name(w.dtype));
  CHECK(x.rows >= 0 && x.cols >= 0 && w.rows >= 0 && w.cols >= 0);
  CHECK(x.cols == w_inputs, "x has {} columns, the weight {} inputs", x.cols, w_inputs);
  CHECK(y.cols == w_outputs, "y has {} columns, the weight {} outputs", y.cols, w_outputs);
  CHECK(x.rows == y.rows, "x has {} rows, y {}", x.rows, y.rows);
  CHECK(x.stride >= x.cols && y.stride >= y.cols && w.stride >= w.cols, "strides {} {} {}",
        x.stride, y.stride, w.stride);
  if (x.rows == 0) return;
  const float* x_end = x.row(x.rows - 1) + x.cols;
  const float* y_end = y.row(y.rows - 1) + y.cols;
  CHECK(x.data >= y_end || y.data >= x_end, "x and y overlap");
}

const MatmulTable* table() {
  switch (active_isa()) {
    case Isa::kScalar:
      return nullptr;
    case Isa::kAvx2:
      return &kMatmulAvx2;
    case Isa::kAvx512:
      return &kMatmulAvx512;
  }
  return nullptr;
}

StoredRows rows_of(const WeightView& w, int64_t begin, int64_t end) {
  const Storage storage = storage_of(w.dtype);
  const auto* data = static_cast<const char*>(w.data) + begin * w.stride * storage_size(storage);
  return {data, storage, w.stride, end - begin};
}

thread_local Scratch x_scratch, w_scratch;

constexpr int64_t kDirectRows = 4;   // up to here w is read as it is stored
constexpr int64_t kBlockRows = 128;  // rows of x whose panels stay in the second-level cache

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }

// y[rows of x, columns] for a block of rows and a range of columns.
void multiply_block(const MatmulTable& t, tensor::ConstMatrix x, const WeightView& w,
                    const float* bias, tensor::Matrix y, int64_t column_begin, int64_t column_end) {
  const int64_t k = x.cols, block = dot_block_length(k);
  const int64_t x_rows = round_up(x.rows, t.x_tile);
  float* x_panels = x_scratch.reserve(x_rows * block);
  float* w_panel = w_scratch.reserve(t.w_tile * block);
  for (int64_t begin = 0; begin < k; begin += block) {
    const int64_t count = std::min(block, k - begin);
    const int64_t steps = divide_up(count, kLanes);
    for (int64_t r = 0; r < x.rows; r += t.x_tile) {
      const StoredRows rows{x.row(r), Storage::kF32, x.stride, std::min(t.x_tile, x.rows - r)};
      t.pack_x(rows, begin, count, x_panels + r * steps * kLanes);
    }
    const bool last = begin + count == k;
    for (int64_t n = column_begin; n < column_end; n += t.w_tile) {
      const int64_t end = std::min(n + t.w_tile, column_end);
      t.pack_w(rows_of(w, n, end), begin, count, w_panel);
      const int64_t next_end = std::min(end + t.w_tile, column_end);
      t.multiply(x_panels, w_panel, steps, begin == 0, last && bias != nullptr ? bias + n : nullptr,
                 y.data + n, y.stride, x.rows, end - n, rows_of(w, end, next_end), begin, count);
    }
  }
}

// y[rows of x, columns [begin, end)] where w is [inputs, outputs].
void multiply_transposed_block(const MatmulTable& t, tensor::ConstMatrix x, const WeightView& w,
                               tensor::Matrix y, int64_t begin, int64_t end) {
  constexpr int64_t kAhead = 16;  // rows of w fetched before they are needed
  const int64_t columns = end - begin, padded = round_up(columns, kLanes);
  const Storage storage = storage_of(w.dtype);
  const auto widen = active_rows_table().widen;
  float* panel = w_scratch.reserve(kTransposedBlock * padded);
  // The kernel writes whole groups of 16 columns: the last, shorter one goes through scratch.
  const bool direct = padded == columns;
  tensor::Matrix sums = direct ? tensor::Matrix{y.data + begin, x.rows, columns, y.stride}
                               : tensor::Matrix{x_scratch.reserve(x.rows * padded), x.rows, padded};
  for (int64_t i = 0; i < w.rows; i += kTransposedBlock) {
    const int64_t count = std::min(kTransposedBlock, w.rows - i);
    for (int64_t r = 0; r < count; ++r) {
      const auto* row = static_cast<const char*>(rows_of(w, i + r, i + r + 1).data);
      const int64_t size = storage_size(storage), ahead = std::min(kAhead, w.rows - 1 - (i + r));
      for (int64_t byte = begin * size; byte < end * size; byte += 64) {
        __builtin_prefetch(row + ahead * w.stride * size + byte);
      }
      widen(row + begin * size, storage, columns, panel + r * padded);
      std::fill(panel + r * padded + columns, panel + (r + 1) * padded, 0.0f);
    }
    t.multiply_in_order(x.data + i, x.stride, panel, padded, x.rows, padded, count, i == 0,
                        sums.data, sums.stride);
  }
  if (direct) return;
  for (int64_t r = 0; r < x.rows; ++r) {
    std::copy(sums.row(r), sums.row(r) + columns, y.row(r) + begin);
  }
}

}  // namespace

void matmul(ThreadPool& pool, tensor::ConstMatrix x, const WeightView& w, const float* bias,
            tensor::Matrix y) {
  check_operands(x, w, w.cols, w.rows, y);
  if (x.rows == 0) return;
  const MatmulTable* t = table();
  const int64_t outputs = w.rows;
  if (t == nullptr || x.cols == 0) {
    pool.parallel_for(outputs, 16, [&](int64_t begin, int64_t end) {
      scalar::matmul(x, w, bias, y, begin, end);
    });
    return;
  }
  if (x.rows <= kDirectRows) {
    const int64_t grain = std::max<int64_t>(4, round_up(65536 / x.cols, 4));
    pool.parallel_for(outputs, grain, [&](int64_t begin, int64_t end) {
      t->direct(x.data, x.stride, x.rows, x.cols, rows_of(w, begin, end),
                bias != nullptr ? bias + begin : nullptr, y.data + begin, y.stride);
    });
    return;
  }
  // Pieces: a block of rows times a range of columns. Columns are cut so that there are several
  // pieces for each thread, yet the packing of x is small beside the work done with it.
  const int64_t row_blocks = divide_up(x.rows, kBlockRows);
  const int64_t block_rows = round_up(divide_up(x.rows, row_blocks), t->x_tile);
  const int64_t wanted = divide_up(8 * pool.size(), row_blocks);
  const int64_t range = round_up(std::max<int64_t>(96, divide_up(outputs, wanted)), t->w_tile);
  const int64_t ranges = divide_up(outputs, range);
  pool.parallel_for(ranges * row_blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t row = piece % row_blocks * block_rows;
      const int64_t column = piece / row_blocks * range;
      const int64_t rows = std::min(block_rows, x.rows - row);
      if (rows <= 0) continue;
      multiply_block(*t, {x.row(row), rows, x.cols, x.stride}, w, bias,
                     {y.row(row), rows, y.cols, y.stride}, column,
                     std::min(column + range, outputs));
    }
  });
}

void matmul_transposed(ThreadPool& pool, tensor::ConstMatrix x, const WeightView& w,
                       tensor::Matrix y) {
  check_operands(x, w, w.rows, w.cols, y);
  if (x.rows == 0) return;
  const MatmulTable* t = table();
  if (t == nullptr || x.cols == 0) {
    pool.parallel_for(y.cols, 16, [&](int64_t begin, int64_t end) {
      scalar::matmul_transposed(x, w, y, begin, end);
    });
    return;
  }
  const int64_t share = divide_up(y.cols, 4 * pool.size());
  const int64_t range = std::clamp<int64_t>(round_up(share, 64), 64, 256);
  const int64_t ranges = divide_up(y.cols, range);
  const int64_t row_blocks = divide_up(x.rows, kBlockRows);
  pool.parallel_for(ranges * row_blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t row = piece % row_blocks * kBlockRows;
      const int64_t column = piece / row_blocks * range;
      const int64_t rows = std::min(kBlockRows, x.rows - row);
      multiply_transposed_block(*t, {x.row(row), rows, x.cols, x.stride}, w,
                                {y.row(row), rows, y.cols, y.stride}, column,
                                std::min(column + range, y.cols));
    }
  });
}

}  // namespace shijian::kernels
