// Products summed in order of the inner index, one lane for each column: the inner loop of
// attention and of products with a transposed weight. Include after lanes_*.h.
#pragma once

namespace shijian::kernels {
namespace {

constexpr int kInOrderRows = 6;

// R rows by 16 N columns held in registers.
template <int R, int N>
LANES_INLINE void multiply_in_order_tile(const float* a, int64_t a_stride, const float* b,
                                         int64_t b_stride, int64_t k, const float* scale,
                                         bool add_c, float* c, int64_t c_stride) {
  V sum[R][N];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) {
      sum[r][j] =
          scale != nullptr ? mul(load(c + r * c_stride + j * kLanes), splat(scale[r])) : zero();
    }
  }
  for (int64_t i = 0; i < k; ++i) {
    V row[N];
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) row[j] = load(b + i * b_stride + j * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const V factor = splat(a[r * a_stride + i]);
#pragma GCC unroll 8
      for (int j = 0; j < N; ++j) sum[r][j] = fma(factor, row[j], sum[r][j]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) {
      float* target = c + r * c_stride + j * kLanes;
      store(target, add_c ? add(load(target), sum[r][j]) : sum[r][j]);
    }
  }
}

template <int R>
static void multiply_in_order_rows(const float* a, int64_t a_stride, const float* b,
                                   int64_t b_stride, int64_t n, int64_t k, const float* scale,
                                   bool add_c, float* c, int64_t c_stride) {
  constexpr int kWide = kTileVectors * kLanes;
  int64_t j = 0;
  for (; j + kWide <= n; j += kWide) {
    multiply_in_order_tile<R, kTileVectors>(a, a_stride, b + j, b_stride, k, scale, add_c, c + j,
                                            c_stride);
  }
  for (; j < n; j += kLanes) {
    multiply_in_order_tile<R, 1>(a, a_stride, b + j, b_stride, k, scale, add_c, c + j, c_stride);
  }
}

// c[m, n] = c * scale + a[m, k] . b[k, n] for any m, n a multiple of 16. `scale` [m]; null starts
// from 0, and then `add_c` adds the old c last.
static void multiply_in_order(const float* a, int64_t a_stride, const float* b, int64_t b_stride,
                              int64_t m, int64_t n, int64_t k, const float* scale, bool add_c,
                              float* c, int64_t c_stride) {
  for (int64_t r = 0; r < m; r += kInOrderRows) {
    const float* from = a + r * a_stride;
    const float* factors = scale != nullptr ? scale + r : nullptr;
    float* to = c + r * c_stride;
    const auto run = m - r >= 6   ? multiply_in_order_rows<6>
                     : m - r == 5 ? multiply_in_order_rows<5>
                     : m - r == 4 ? multiply_in_order_rows<4>
                     : m - r == 3 ? multiply_in_order_rows<3>
                     : m - r == 2 ? multiply_in_order_rows<2>
                                  : multiply_in_order_rows<1>;
    run(from, a_stride, b, b_stride, n, k, factors, add_c, to, c_stride);
  }
}

}  // namespace
}  // namespace shijian::kernels
