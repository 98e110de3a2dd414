// What every version of the kernels shares, so that all of them give the same bits: the order of
// sums, the polynomials, and the widening of half floats. Private to this folder.
//
// Only plain data and static functions: files compiled for one instruction set include this, and a
// function with external linkage compiled there could be linked in where that set is missing.
#pragma once

#include <stdint.h>

namespace shijian::kernels {

// Inner products over contiguous rows sum lane l over the elements i with i % 16 == l, by fused
// multiply-adds in order; lanes are then folded 8, 4, 2, 1 (lane l takes lane l + half). Long rows
// are cut in blocks whose sums are added in order.
static constexpr int64_t kLanes = 16;

// Length of the blocks that a row of length n is cut into: even pieces of at most kMaxDotBlock.
static constexpr int64_t kMaxDotBlock = 1280;
static inline int64_t dot_block_length(int64_t n) {
  const int64_t blocks = n <= kMaxDotBlock ? 1 : (n + kMaxDotBlock - 1) / kMaxDotBlock;
  const int64_t even = (n + blocks - 1) / blocks;
  return (even + kLanes - 1) / kLanes * kLanes;
}

// Products with a transposed weight sum each element in order of the inner index, in blocks of:
static constexpr int64_t kTransposedBlock = 256;

// Attention takes keys in blocks that start at multiples of:
static constexpr int64_t kKeyBlock = 128;

// exp(x) = 2^n e^r, n = round(x / ln 2), e^r = 1 + r + r^2 (c0 + c1 r + ...) for |r| <= ln 2 / 2:
// minimax fit, relative error 3e-9 before rounding. n comes out of the low bits of x / ln 2 +
// magic.
static constexpr float kExpLog2e = 1.44269504f;
static constexpr float kExpMagic = 12582912.0f;  // 1.5 * 2^23
static constexpr int32_t kExpMagicBits = 0x4B400000;
static constexpr float kExpLn2High = 0.693359375f;  // few bits: n times it is exact
static constexpr float kExpLn2Low = -0.000212194442f;
static constexpr float kExpC0 = 0.49999994f;
static constexpr float kExpC1 = 0.166665211f;
static constexpr float kExpC2 = 0.041668389f;
static constexpr float kExpC3 = 0.00836874545f;
static constexpr float kExpC4 = 0.00138145394f;
static constexpr float kExpMin = -105.0f;  // e^x is 0 from here down
static constexpr float kExpMax = 89.0f;    // e^x is infinite from here up
// Softmax weights below the smallest normal float count as 0: no subnormals, one scaling less.
static constexpr float kSoftmaxMin = -87.0f;

// gelu_tanh(x) = x / (1 + exp(-2u)) with 2u = x (a + b x^2).
static constexpr float kGeluA = 1.59576912f;    // 2 sqrt(2 / pi)
static constexpr float kGeluB = 0.0713548163f;  // 2 sqrt(2 / pi) * 0.044715

// erf(z) = z P(z^2) for z <= 1 (minimax fit, 1.2e-9).
static constexpr float kSqrtHalf = 0.707106781f;
static constexpr float kErf[7] = {1.12837911f,    -0.37612626f,     0.112836003f,   -0.0268544443f,
                                  0.00518953614f, -0.000802084745f, 7.88913894e-05f};
// erfc(z) = exp(Q(min(z, 5)) - z^2) for z > 1 (minimax fit, 2.2e-7 of erfc).
static constexpr float kErfc[9] = {-0.000173644628f, -1.12832999f,     0.365090877f,
                                   -0.107336566f,    0.0249513928f,    -0.00427305233f,
                                   0.00049934932f,   -3.52291972e-05f, 1.12473344e-06f};

// How a weight's elements are stored.
enum class Storage : int { kF32, kF16, kBF16 };
static inline int64_t storage_size(Storage storage) { return storage == Storage::kF32 ? 4 : 2; }

static inline float float_of_bits(uint32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

static inline float widen_bf16(uint16_t bits) { return float_of_bits(uint32_t{bits} << 16); }

static inline float widen_f16(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  const uint32_t magnitude = bits & 0x7FFFu;
  if (magnitude >= 0x7C00u) {  // infinity, NaN: a signalling NaN becomes quiet, as in hardware
    const uint32_t quiet = magnitude > 0x7C00u ? 0x00400000u : 0;
    return float_of_bits(sign | 0x7F800000u | (magnitude & 0x3FFu) << 13 | quiet);
  }
  if (magnitude < 0x0400u) {  // subnormal: magnitude * 2^-24, exact
    const float value = static_cast<float>(magnitude) * 5.9604644775390625e-08f;
    return sign != 0 ? -value : value;
  }
  return float_of_bits(sign | ((magnitude << 13) + 0x38000000u));
}

}  // namespace shijian::kernels
