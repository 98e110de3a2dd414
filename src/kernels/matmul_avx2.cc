#include "kernels/lanes_avx2.h"
// The order matters: what follows is written on the lanes above.
#include "kernels/matmul_lanes.h"

namespace shijian::kernels {
namespace {

constexpr int kXTile = 4;
constexpr int kWTile = 3;

// sums[4 x rows, 3 w rows] over eight of the sixteen lanes: twelve sums are what fits in sixteen
// registers, so the lanes take two passes, one for each part of the panels.
LANES_INLINE void half_tile(const float* x, const float* w, int64_t steps, __m256* sums) {
  __m256 s00, s01, s02, s10, s11, s12, s20, s21, s22, s30, s31, s32;
  s00 = s01 = s02 = s10 = s11 = s12 = s20 = s21 = s22 = s30 = s31 = s32 = _mm256_setzero_ps();
#define ROW(i)                                  \
  {                                             \
    const __m256 a = _mm256_load_ps(x + (i)*8); \
    s##i##0 = _mm256_fmadd_ps(a, b0, s##i##0);  \
    s##i##1 = _mm256_fmadd_ps(a, b1, s##i##1);  \
    s##i##2 = _mm256_fmadd_ps(a, b2, s##i##2);  \
  }
  for (; steps > 0; --steps, x += kXTile * 8, w += kWTile * 8) {
    const __m256 b0 = _mm256_load_ps(w), b1 = _mm256_load_ps(w + 8);
    const __m256 b2 = _mm256_load_ps(w + 2 * 8);
    ROW(0) ROW(1) ROW(2) ROW(3)
  }
#undef ROW
  sums[0] = s00, sums[1] = s01, sums[2] = s02;
  sums[3] = s10, sums[4] = s11, sums[5] = s12;
  sums[6] = s20, sums[7] = s21, sums[8] = s22;
  sums[9] = s30, sums[10] = s31, sums[11] = s32;
}

// Folds 4, 2, 1 of three registers: [a, b, c, -].
LANES_INLINE __m128 fold_three(__m256 a, __m256 b, __m256 c) {
  const __m256 ab = _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20),
                                  _mm256_permute2f128_ps(a, b, 0x31));  // [a | b]
  const __m128 c4 = _mm_add_ps(_mm256_castps256_ps128(c), _mm256_extractf128_ps(c, 1));
  const __m128 a4 = _mm256_castps256_ps128(ab), b4 = _mm256_extractf128_ps(ab, 1);
  const __m128 ab2 = _mm_add_ps(_mm_shuffle_ps(a4, b4, 0x44), _mm_shuffle_ps(a4, b4, 0xEE));
  const __m128 c2 = _mm_add_ps(_mm_shuffle_ps(c4, c4, 0x44), _mm_shuffle_ps(c4, c4, 0xEE));
  return _mm_add_ps(_mm_shuffle_ps(ab2, c2, 0x88), _mm_shuffle_ps(ab2, c2, 0xDD));
}

void multiply(const float* x_panels, const float* w_panel, int64_t steps, bool first,
              const float* bias, float* y, int64_t y_stride, int64_t m, int64_t n,
              const StoredRows& next, int64_t next_begin, int64_t next_count) {
  Fetch fetch(next, next_begin, next_count, (m + kXTile - 1) / kXTile);
  for (int64_t r = 0; r < m; r += kXTile) {
    const int64_t rows = m - r < kXTile ? m - r : kXTile;
    const float* x = x_panels + r * kLanes * steps;
    float* target = y + r * y_stride;
    fetch.some();
    fetch_tile(target, y_stride, rows, n);
    __m256 low[kXTile * kWTile], high[kXTile * kWTile];
    half_tile(x, w_panel, steps, low);
    half_tile(x + steps * kXTile * 8, w_panel + steps * kWTile * 8, steps, high);
    alignas(16) float tile[kXTile * 4];
#pragma GCC unroll 4
    for (int i = 0; i < kXTile; ++i) {
      const __m256 a = _mm256_add_ps(low[i * kWTile], high[i * kWTile]);
      const __m256 b = _mm256_add_ps(low[i * kWTile + 1], high[i * kWTile + 1]);
      const __m256 c = _mm256_add_ps(low[i * kWTile + 2], high[i * kWTile + 2]);
      _mm_store_ps(tile + i * 4, fold_three(a, b, c));
    }
    add_tile(tile, 4, rows, n, first, bias, target, y_stride);
  }
}

}  // namespace

const MatmulTable kMatmulAvx2 = {
    .x_tile = kXTile,
    .w_tile = kWTile,
    .pack_x = pack<kXTile>,
    .pack_w = pack<kWTile>,
    .multiply = multiply,
    .direct = direct,
    .multiply_in_order = in_order,
};

}  // namespace shijian::kernels
