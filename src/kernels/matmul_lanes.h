// The parts of the matrix product that are written once for every instruction set. Include after
// lanes_*.h.
#pragma once

#include "kernels/in_order_lanes.h"
#include "kernels/matmul_table.h"

namespace shijian::kernels {
namespace {

template <Storage S>
LANES_INLINE const void* element(const StoredRows& rows, int64_t row, int64_t column) {
  return static_cast<const char*>(rows.data) +
         (row * rows.stride + column) * (S == Storage::kF32 ? 4 : 2);
}

template <Storage S, int Tile>
void pack_as(const StoredRows& rows, int64_t begin, int64_t count, float* panel) {
  const int64_t whole = count / kLanes, tail = count % kLanes;
  const int64_t steps = whole + (tail != 0);
  constexpr int64_t kStep = Tile * kPanelLanes;
  const int64_t part = steps * kStep;
  for (int64_t r = 0; r < Tile; ++r) {
    float* target = panel + r * kPanelLanes;
    if (r >= rows.rows) {
      for (int64_t s = 0; s < steps; ++s) store_parts(target + s * kStep, part, zero());
      continue;
    }
    for (int64_t s = 0; s < whole; ++s) {
      store_parts(target + s * kStep, part,
                  load_stored<S>(element<S>(rows, r, begin + s * kLanes)));
    }
    if (tail != 0) {
      const void* source = element<S>(rows, r, begin + whole * kLanes);
      store_parts(target + whole * kStep, part, load_stored_first<S>(source, tail));
    }
  }
}

template <int Tile>
void pack(const StoredRows& rows, int64_t begin, int64_t count, float* panel) {
  switch (rows.storage) {
    case Storage::kF32:
      return pack_as<Storage::kF32, Tile>(rows, begin, count, panel);
    case Storage::kF16:
      return pack_as<Storage::kF16, Tile>(rows, begin, count, panel);
    case Storage::kBF16:
      return pack_as<Storage::kBF16, Tile>(rows, begin, count, panel);
  }
}

// R rows of x by W rows of w.
template <Storage S, int R, int W>
LANES_INLINE void direct_tile(const float* x, int64_t x_stride, int64_t k, const StoredRows& w,
                              int64_t n, const float* bias, float* y, int64_t y_stride) {
  const int64_t block = dot_block_length(k);
  const int64_t size = S == Storage::kF32 ? 4 : 2;
  const char* source = static_cast<const char*>(element<S>(w, n, 0));
  // The same place in the rows that come next: the hardware finds rows only after their start.
  const int64_t ahead = W * w.stride * size;
  float total[R][W] = {};
  for (int64_t begin = 0; begin < k; begin += block) {
    const int64_t end = begin + block < k ? begin + block : k;
    V sum[R][W];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int j = 0; j < W; ++j) sum[r][j] = zero();
    }
    int64_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      V factor[R];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) factor[r] = load(x + r * x_stride + i);
#pragma GCC unroll 8
      for (int j = 0; j < W; ++j) {
        const char* from = source + (j * w.stride + i) * size;
        _mm_prefetch(from + ahead, _MM_HINT_T1);
        const V weight = load_stored<S>(from);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) sum[r][j] = fma(factor[r], weight, sum[r][j]);
      }
    }
    if (i < end) {
#pragma GCC unroll 8
      for (int j = 0; j < W; ++j) {
        const V weight = load_stored_first<S>(source + (j * w.stride + i) * size, end - i);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
          sum[r][j] = fma(load_first(x + r * x_stride + i, end - i), weight, sum[r][j]);
        }
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int j = 0; j < W; ++j) {
        const float part = fold_add(sum[r][j]);
        total[r][j] = begin == 0 ? part : total[r][j] + part;
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int j = 0; j < W; ++j) {
      y[r * y_stride + n + j] = bias != nullptr ? total[r][j] + bias[n + j] : total[r][j];
    }
  }
}

template <Storage S, int R>
void direct_rows(const float* x, int64_t x_stride, int64_t k, const StoredRows& w,
                 const float* bias, float* y, int64_t y_stride) {
  constexpr int kWide = R <= kDirectWideRows ? 4 : 1;
  int64_t n = 0;
  for (; n + kWide <= w.rows; n += kWide) {
    direct_tile<S, R, kWide>(x, x_stride, k, w, n, bias, y, y_stride);
  }
  for (; n < w.rows; ++n) direct_tile<S, R, 1>(x, x_stride, k, w, n, bias, y, y_stride);
}

template <Storage S>
void direct_as(const float* x, int64_t x_stride, int64_t m, int64_t k, const StoredRows& w,
               const float* bias, float* y, int64_t y_stride) {
  switch (m) {
    case 1:
      return direct_rows<S, 1>(x, x_stride, k, w, bias, y, y_stride);
    case 2:
      return direct_rows<S, 2>(x, x_stride, k, w, bias, y, y_stride);
    case 3:
      return direct_rows<S, 3>(x, x_stride, k, w, bias, y, y_stride);
    case 4:
      return direct_rows<S, 4>(x, x_stride, k, w, bias, y, y_stride);
  }
}

void direct(const float* x, int64_t x_stride, int64_t m, int64_t k, const StoredRows& w,
            const float* bias, float* y, int64_t y_stride) {
  switch (w.storage) {
    case Storage::kF32:
      return direct_as<Storage::kF32>(x, x_stride, m, k, w, bias, y, y_stride);
    case Storage::kF16:
      return direct_as<Storage::kF16>(x, x_stride, m, k, w, bias, y, y_stride);
    case Storage::kBF16:
      return direct_as<Storage::kBF16>(x, x_stride, m, k, w, bias, y, y_stride);
  }
}

void in_order(const float* a, int64_t a_stride, const float* b, int64_t b_stride, int64_t m,
              int64_t n, int64_t k, bool first, float* c, int64_t c_stride) {
  multiply_in_order(a, a_stride, b, b_stride, m, n, k, nullptr, !first, c, c_stride);
}

// Fetches a part of some rows into cache, a little each time `some` is called.
class Fetch {
 public:
  Fetch(const StoredRows& rows, int64_t begin, int64_t count, int64_t calls)
      : row_(static_cast<const char*>(rows.data) + begin * storage_size(rows.storage)),
        stride_(rows.stride * storage_size(rows.storage)),
        bytes_(count * storage_size(rows.storage)),
        rows_(count > 0 ? rows.rows : 0),
        lines_((rows_ * (bytes_ / kLine + 1) + calls - 1) / calls) {}

  inline __attribute__((always_inline)) void some() {
    for (int64_t i = 0; i < lines_ && rows_ > 0; ++i) {
      _mm_prefetch(row_ + offset_, _MM_HINT_T1);
      offset_ += kLine;
      if (offset_ >= bytes_) {
        offset_ = 0;
        row_ += stride_;
        --rows_;
      }
    }
  }

 private:
  static constexpr int64_t kLine = 64;
  const char* row_;
  int64_t stride_;
  int64_t bytes_;
  int64_t rows_;
  int64_t lines_;
  int64_t offset_ = 0;
};

// Fetches the lines of y that a tile is about to be written to.
LANES_INLINE void fetch_tile(const float* y, int64_t y_stride, int64_t m, int64_t n) {
  for (int64_t r = 0; r < m; ++r, y += y_stride) {
    _mm_prefetch(reinterpret_cast<const char*>(y), _MM_HINT_T0);
    _mm_prefetch(reinterpret_cast<const char*>(y + n - 1), _MM_HINT_T0);
  }
}

// Writes the sums of one tile, [x rows, w columns] with `stride`, to the corner of y that exists.
LANES_INLINE void add_tile(const float* tile, int64_t stride, int64_t m, int64_t n, bool first,
                           const float* bias, float* y, int64_t y_stride) {
  for (int64_t r = 0; r < m; ++r) {
    for (int64_t j = 0; j < n; ++j) {
      float value = tile[r * stride + j];
      if (!first) value = y[r * y_stride + j] + value;
      y[r * y_stride + j] = bias != nullptr ? value + bias[j] : value;
    }
  }
}

}  // namespace
}  // namespace shijian::kernels
