// Sixteen floats in one AVX-512 register. The same vocabulary as lanes_avx2.h: code written on it
// (*_lanes.h) is compiled once for each. Include from *_avx512.cc only.
#pragma once

// gcc 12's own header reads a register it calls undefined and then warns about it.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include "kernels/numerics.h"

#define LANES_INLINE static inline __attribute__((always_inline))

namespace shijian::kernels {
namespace {

using V = __m512;     // 16 floats
using I = __m512i;    // 16 int32
using M = __mmask16;  // 16 truths

LANES_INLINE V splat(float a) { return _mm512_set1_ps(a); }
LANES_INLINE V zero() { return _mm512_setzero_ps(); }
LANES_INLINE V load(const float* p) { return _mm512_loadu_ps(p); }
LANES_INLINE void store(float* p, V a) { _mm512_storeu_ps(p, a); }

// Registers that hold a row of a tile of products in order, and rows of x up to which a product
// that reads w as it is stored takes four rows of w at a time: what fits the register file.
constexpr int kTileVectors = 4;
constexpr int kDirectWideRows = 4;

// Panels of a matrix product (matmul_table.h) are in one part.
constexpr int64_t kPanelLanes = 16;
LANES_INLINE void store_parts(float* p, int64_t /*distance*/, V a) { store(p, a); }

// The first `count` (1 to 16) lanes; a load fills the others with 0.
LANES_INLINE M first(int64_t count) { return static_cast<M>((1u << count) - 1); }
LANES_INLINE V load_first(const float* p, int64_t count) {
  return _mm512_maskz_loadu_ps(first(count), p);
}
LANES_INLINE void store_first(float* p, V a, int64_t count) {
  _mm512_mask_storeu_ps(p, first(count), a);
}

LANES_INLINE V add(V a, V b) { return _mm512_add_ps(a, b); }
LANES_INLINE V sub(V a, V b) { return _mm512_sub_ps(a, b); }
LANES_INLINE V mul(V a, V b) { return _mm512_mul_ps(a, b); }
LANES_INLINE V div(V a, V b) { return _mm512_div_ps(a, b); }
LANES_INLINE V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
// Where either is NaN these give b.
LANES_INLINE V max(V a, V b) { return _mm512_max_ps(a, b); }
LANES_INLINE V min(V a, V b) { return _mm512_min_ps(a, b); }
LANES_INLINE V negate(V a) {
  return _mm512_castsi512_ps(
      _mm512_xor_si512(_mm512_castps_si512(a), _mm512_set1_epi32(INT32_MIN)));
}
LANES_INLINE V absolute(V a) { return _mm512_abs_ps(a); }

LANES_INLINE M less(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
LANES_INLINE V select(M m, V yes, V no) { return _mm512_mask_blend_ps(m, no, yes); }

LANES_INLINE I as_int(V a) { return _mm512_castps_si512(a); }
LANES_INLINE I int_splat(int32_t a) { return _mm512_set1_epi32(a); }
LANES_INLINE I int_sub(I a, I b) { return _mm512_sub_epi32(a, b); }
LANES_INLINE I halve(I a) { return _mm512_srai_epi32(a, 1); }  // towards minus infinity
// 2^a for a in [-126, 128]; 2^128 is infinity.
LANES_INLINE V power_of_two(I a) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(a, _mm512_set1_epi32(127)), 23));
}

// Folds 8, 4, 2, 1.
LANES_INLINE float fold_add(V a) {
  __m256 b = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
  c = _mm_add_ps(c, _mm_movehl_ps(c, c));
  return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
LANES_INLINE float fold_max(V a) {
  __m256 b = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  __m128 c = _mm_max_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
  c = _mm_max_ps(c, _mm_movehl_ps(c, c));
  return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}

// target[d * target_stride + j] = rows[j][d] for 16 rows and the first `count` (1 to 16) columns.
LANES_INLINE void transpose(const float* const* rows, int64_t count, float* target,
                            int64_t target_stride) {
  V a[16], b[16];
#pragma GCC unroll 16
  for (int j = 0; j < 16; ++j) a[j] = load_first(rows[j], count);
    // After this each 128-bit quarter c of b[4 g + i] is column 4 c + i of rows 4 g to 4 g + 3.
#pragma GCC unroll 4
  for (int g = 0; g < 16; g += 4) {
    const V low01 = _mm512_unpacklo_ps(a[g], a[g + 1]), high01 = _mm512_unpackhi_ps(a[g], a[g + 1]);
    const V low23 = _mm512_unpacklo_ps(a[g + 2], a[g + 3]);
    const V high23 = _mm512_unpackhi_ps(a[g + 2], a[g + 3]);
    b[g] = _mm512_shuffle_ps(low01, low23, 0x44);
    b[g + 1] = _mm512_shuffle_ps(low01, low23, 0xEE);
    b[g + 2] = _mm512_shuffle_ps(high01, high23, 0x44);
    b[g + 3] = _mm512_shuffle_ps(high01, high23, 0xEE);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const V even01 = _mm512_shuffle_f32x4(b[i], b[4 + i], 0x88);
    const V odd01 = _mm512_shuffle_f32x4(b[i], b[4 + i], 0xDD);
    const V even23 = _mm512_shuffle_f32x4(b[8 + i], b[12 + i], 0x88);
    const V odd23 = _mm512_shuffle_f32x4(b[8 + i], b[12 + i], 0xDD);
    a[i] = _mm512_shuffle_f32x4(even01, even23, 0x88);
    a[4 + i] = _mm512_shuffle_f32x4(odd01, odd23, 0x88);
    a[8 + i] = _mm512_shuffle_f32x4(even01, even23, 0xDD);
    a[12 + i] = _mm512_shuffle_f32x4(odd01, odd23, 0xDD);
  }
#pragma GCC unroll 16
  for (int d = 0; d < 16; ++d) {
    if (d < count) store(target + d * target_stride, a[d]);
  }
}

// Stored elements widened to F32.
template <Storage S>
LANES_INLINE V load_stored(const void* p) {
  if constexpr (S == Storage::kF32) {
    return _mm512_loadu_ps(p);
  } else {
    const __m256i half = _mm256_loadu_si256(static_cast<const __m256i*>(p));
    if constexpr (S == Storage::kF16) return _mm512_cvtph_ps(half);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
  }
}
template <Storage S>
LANES_INLINE V load_stored_first(const void* p, int64_t count) {
  if constexpr (S == Storage::kF32) {
    return _mm512_maskz_loadu_ps(first(count), p);
  } else {
    const __m256i half = _mm256_maskz_loadu_epi16(first(count), p);
    if constexpr (S == Storage::kF16) return _mm512_cvtph_ps(half);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
  }
}

}  // namespace
}  // namespace shijian::kernels
