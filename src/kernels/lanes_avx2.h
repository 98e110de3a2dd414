// Sixteen floats in two AVX2 registers. The same vocabulary as lanes_avx512.h: code written on it
// (*_lanes.h) is compiled once for each. Include from *_avx2.cc only.
#pragma once

#include <immintrin.h>

#include "kernels/numerics.h"

#define LANES_INLINE static inline __attribute__((always_inline))

namespace shijian::kernels {
namespace {

struct V {  // 16 floats
  __m256 low, high;
};
struct I {  // 16 int32
  __m256i low, high;
};
struct M {  // 16 truths: all bits of a lane set or none
  __m256 low, high;
};

LANES_INLINE V splat(float a) { return {_mm256_set1_ps(a), _mm256_set1_ps(a)}; }
LANES_INLINE V zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
LANES_INLINE V load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
LANES_INLINE void store(float* p, V a) {
  _mm256_storeu_ps(p, a.low);
  _mm256_storeu_ps(p + 8, a.high);
}

// Registers that hold a row of a tile of products in order, and rows of x up to which a product
// that reads w as it is stored takes four rows of w at a time: what fits the register file.
constexpr int kTileVectors = 1;
constexpr int kDirectWideRows = 1;

// Panels of a matrix product (matmul_table.h) are in two parts, `distance` floats apart.
constexpr int64_t kPanelLanes = 8;
LANES_INLINE void store_parts(float* p, int64_t distance, V a) {
  _mm256_storeu_ps(p, a.low);
  _mm256_storeu_ps(p + distance, a.high);
}

// The first `count` (1 to 16) lanes; a load fills the others with 0.
LANES_INLINE __m256i first_eight(int64_t count) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int32_t>(count)), lane);
}
LANES_INLINE V load_first(const float* p, int64_t count) {
  return {_mm256_maskload_ps(p, first_eight(count)),
          _mm256_maskload_ps(p + 8, first_eight(count - 8))};
}
LANES_INLINE void store_first(float* p, V a, int64_t count) {
  _mm256_maskstore_ps(p, first_eight(count), a.low);
  _mm256_maskstore_ps(p + 8, first_eight(count - 8), a.high);
}

LANES_INLINE V add(V a, V b) {
  return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
LANES_INLINE V sub(V a, V b) {
  return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
LANES_INLINE V mul(V a, V b) {
  return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
LANES_INLINE V div(V a, V b) {
  return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}
LANES_INLINE V fma(V a, V b, V c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
// Where either is NaN these give b.
LANES_INLINE V max(V a, V b) {
  return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
}
LANES_INLINE V min(V a, V b) {
  return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
}
LANES_INLINE V negate(V a) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_xor_ps(a.low, sign), _mm256_xor_ps(a.high, sign)};
}
LANES_INLINE V absolute(V a) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(sign, a.low), _mm256_andnot_ps(sign, a.high)};
}

LANES_INLINE M less(V a, V b) {
  return {_mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ), _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ)};
}
LANES_INLINE M first(int64_t count) {
  return {_mm256_castsi256_ps(first_eight(count)), _mm256_castsi256_ps(first_eight(count - 8))};
}
LANES_INLINE V select(M m, V yes, V no) {
  return {_mm256_blendv_ps(no.low, yes.low, m.low), _mm256_blendv_ps(no.high, yes.high, m.high)};
}

LANES_INLINE I as_int(V a) { return {_mm256_castps_si256(a.low), _mm256_castps_si256(a.high)}; }
LANES_INLINE I int_splat(int32_t a) { return {_mm256_set1_epi32(a), _mm256_set1_epi32(a)}; }
LANES_INLINE I int_sub(I a, I b) {
  return {_mm256_sub_epi32(a.low, b.low), _mm256_sub_epi32(a.high, b.high)};
}
LANES_INLINE I halve(I a) {  // towards minus infinity
  return {_mm256_srai_epi32(a.low, 1), _mm256_srai_epi32(a.high, 1)};
}
// 2^a for a in [-126, 128]; 2^128 is infinity.
LANES_INLINE V power_of_two(I a) {
  const __m256i bias = _mm256_set1_epi32(127);
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(a.low, bias), 23)),
          _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(a.high, bias), 23))};
}

// Folds 8, 4, 2, 1.
LANES_INLINE float fold_add(V a) {
  const __m256 b = _mm256_add_ps(a.low, a.high);
  __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
  c = _mm_add_ps(c, _mm_movehl_ps(c, c));
  return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
LANES_INLINE float fold_max(V a) {
  const __m256 b = _mm256_max_ps(a.low, a.high);
  __m128 c = _mm_max_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
  c = _mm_max_ps(c, _mm_movehl_ps(c, c));
  return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}

// target[d * target_stride + j] = rows[j][d] for 16 rows and the first `count` (1 to 16) columns.
LANES_INLINE void transpose(const float* const* rows, int64_t count, float* target,
                            int64_t target_stride) {
  for (int64_t d0 = 0; d0 < count; d0 += 8) {
    const __m256i wanted = first_eight(count - d0);
    for (int64_t j0 = 0; j0 < 16; j0 += 8) {
      __m256 a[8], b[8];
#pragma GCC unroll 8
      for (int j = 0; j < 8; ++j) a[j] = _mm256_maskload_ps(rows[j0 + j] + d0, wanted);
        // After this each half c of b[4 g + i] is column 4 c + i of rows 4 g to 4 g + 3.
#pragma GCC unroll 2
      for (int g = 0; g < 8; g += 4) {
        const __m256 low01 = _mm256_unpacklo_ps(a[g], a[g + 1]);
        const __m256 high01 = _mm256_unpackhi_ps(a[g], a[g + 1]);
        const __m256 low23 = _mm256_unpacklo_ps(a[g + 2], a[g + 3]);
        const __m256 high23 = _mm256_unpackhi_ps(a[g + 2], a[g + 3]);
        b[g] = _mm256_shuffle_ps(low01, low23, 0x44);
        b[g + 1] = _mm256_shuffle_ps(low01, low23, 0xEE);
        b[g + 2] = _mm256_shuffle_ps(high01, high23, 0x44);
        b[g + 3] = _mm256_shuffle_ps(high01, high23, 0xEE);
      }
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        float* to = target + (d0 + i) * target_stride + j0;
        if (d0 + i < count) _mm256_storeu_ps(to, _mm256_permute2f128_ps(b[i], b[4 + i], 0x20));
        if (d0 + 4 + i < count) {
          _mm256_storeu_ps(to + 4 * target_stride, _mm256_permute2f128_ps(b[i], b[4 + i], 0x31));
        }
      }
    }
  }
}

// Stored elements widened to F32.
template <Storage S>
LANES_INLINE __m256 widen_eight(__m128i half) {
  if constexpr (S == Storage::kF16) return _mm256_cvtph_ps(half);
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}
template <Storage S>
LANES_INLINE V load_stored(const void* p) {
  if constexpr (S == Storage::kF32) {
    return load(static_cast<const float*>(p));
  } else {
    const __m128i* halves = static_cast<const __m128i*>(p);
    return {widen_eight<S>(_mm_loadu_si128(halves)), widen_eight<S>(_mm_loadu_si128(halves + 1))};
  }
}
template <Storage S>
LANES_INLINE V load_stored_first(const void* p, int64_t count) {
  if constexpr (S == Storage::kF32) {
    return load_first(static_cast<const float*>(p), count);
  } else {
    uint16_t whole[kLanes] = {};
    for (int64_t i = 0; i < count; ++i) whole[i] = static_cast<const uint16_t*>(p)[i];
    return load_stored<S>(whole);
  }
}

}  // namespace
}  // namespace shijian::kernels
