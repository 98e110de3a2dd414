#include "kernels/lanes_avx512.h"
// The order matters: what follows is written on the lanes above.
#include "kernels/matmul_lanes.h"

namespace shijian::kernels {
namespace {

constexpr int kXTile = 4;
constexpr int kWTile = 6;

// Four registers whose 128-bit quarters are [a, b, c, d] folded 8 and 4.
LANES_INLINE V fold_quad(V a, V b, V c, V d) {
  const V ab = add(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xEE));
  const V cd = add(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xEE));
  return add(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xDD));
}
// Folds 2: within each quarter [a, a, b, b].
LANES_INLINE V fold_pair(V a, V b) {
  return add(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xEE));
}
// Folds 1: within each quarter [a, b, c, d].
LANES_INLINE V fold_last(V ab, V cd) {
  return add(_mm512_shuffle_ps(ab, cd, 0x88), _mm512_shuffle_ps(ab, cd, 0xDD));
}

// tile[4][8] = the 24 sums of one x panel with one w panel; columns 6 and 7 hold nothing of use.
LANES_INLINE void multiply_tile(const float* x, const float* w, int64_t steps, float* tile) {
  V s00, s01, s02, s03, s04, s05, s10, s11, s12, s13, s14, s15;
  V s20, s21, s22, s23, s24, s25, s30, s31, s32, s33, s34, s35;
  s00 = s01 = s02 = s03 = s04 = s05 = s10 = s11 = s12 = s13 = s14 = s15 = zero();
  s20 = s21 = s22 = s23 = s24 = s25 = s30 = s31 = s32 = s33 = s34 = s35 = zero();
#define COLUMN(j)                     \
  {                                   \
    const V b = load(w + (j)*kLanes); \
    s0##j = fma(a0, b, s0##j);        \
    s1##j = fma(a1, b, s1##j);        \
    s2##j = fma(a2, b, s2##j);        \
    s3##j = fma(a3, b, s3##j);        \
  }
  for (; steps > 0; --steps, x += kXTile * kLanes, w += kWTile * kLanes) {
    const V a0 = load(x), a1 = load(x + kLanes);
    const V a2 = load(x + 2 * kLanes), a3 = load(x + 3 * kLanes);
    COLUMN(0) COLUMN(1) COLUMN(2) COLUMN(3) COLUMN(4) COLUMN(5)
  }
#undef COLUMN
  const V c01 = fold_pair(fold_quad(s00, s10, s20, s30), fold_quad(s01, s11, s21, s31));
  const V c23 = fold_pair(fold_quad(s02, s12, s22, s32), fold_quad(s03, s13, s23, s33));
  const V c45 = fold_pair(fold_quad(s04, s14, s24, s34), fold_quad(s05, s15, s25, s35));
  // Quarter r of these is row r, columns 0 to 3 and 4 to 5.
  const V low = fold_last(c01, c23), high = fold_last(c45, c45);
  const V rows01 = _mm512_shuffle_f32x4(low, high, 0x44);  // rows 0, 1 of low, then of high
  const V rows23 = _mm512_shuffle_f32x4(low, high, 0xEE);
  store(tile, _mm512_shuffle_f32x4(rows01, rows01, 0xD8));
  store(tile + kLanes, _mm512_shuffle_f32x4(rows23, rows23, 0xD8));
}

void multiply(const float* x_panels, const float* w_panel, int64_t steps, bool first,
              const float* bias, float* y, int64_t y_stride, int64_t m, int64_t n,
              const StoredRows& next, int64_t next_begin, int64_t next_count) {
  Fetch fetch(next, next_begin, next_count, (m + kXTile - 1) / kXTile);
  const __m256i wanted = _mm256_set_epi32(0, 0, -1, -1, -1, -1, -1, -1);
  const bool whole = n == kWTile;
  const __m256 shift =
      whole && bias != nullptr ? _mm256_maskload_ps(bias, wanted) : _mm256_setzero_ps();
  for (int64_t r = 0; r < m; r += kXTile) {
    alignas(64) float tile[kXTile * 8];
    float* target = y + r * y_stride;
    fetch.some();
    fetch_tile(target, y_stride, m - r < kXTile ? m - r : kXTile, n);
    multiply_tile(x_panels + r * kLanes * steps, w_panel, steps, tile);
    if (whole && r + kXTile <= m) {
#pragma GCC unroll 4
      for (int i = 0; i < kXTile; ++i, target += y_stride) {
        __m256 sum = _mm256_load_ps(tile + i * 8);
        if (!first) sum = _mm256_add_ps(_mm256_maskload_ps(target, wanted), sum);
        if (bias != nullptr) sum = _mm256_add_ps(sum, shift);
        _mm256_maskstore_ps(target, wanted, sum);
      }
    } else {
      add_tile(tile, 8, m - r < kXTile ? m - r : kXTile, n, first, bias, target, y_stride);
    }
  }
}

}  // namespace

const MatmulTable kMatmulAvx512 = {
    .x_tile = kXTile,
    .w_tile = kWTile,
    .pack_x = pack<kXTile>,
    .pack_w = pack<kWTile>,
    .multiply = multiply,
    .direct = direct,
    .multiply_in_order = in_order,
};

}  // namespace shijian::kernels
