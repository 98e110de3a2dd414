#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "kernels/numerics.h"
#include "kernels/rows_table.h"
#include "kernels/scalar.h"

namespace shijian::kernels::scalar {
namespace {

struct ExpParts {
  float mantissa;  // e^r, in about [0.7, 1.42]
  int32_t exponent;
};

// x is clamped to where the exponent fits.
ExpParts exp_parts(float x) {
  const float shifted = std::fma(x, kExpLog2e, kExpMagic);
  const float n = shifted - kExpMagic;
  float r = std::fma(n, -kExpLn2High, x);
  r = std::fma(n, -kExpLn2Low, r);
  float poly = std::fma(kExpC4, r, kExpC3);
  poly = std::fma(poly, r, kExpC2);
  poly = std::fma(poly, r, kExpC1);
  poly = std::fma(poly, r, kExpC0);
  const float mantissa = std::fma(poly, r * r, r) + 1.0f;
  return {mantissa, std::bit_cast<int32_t>(shifted) - kExpMagicBits};
}

float power_of_two(int32_t exponent) { return std::bit_cast<float>((exponent + 127) << 23); }

// Sum of term(i), in the order of numerics.h.
template <typename Term>
float blocked_sum(int64_t count, const Term& term) {
  const int64_t block = dot_block_length(count);
  float total = 0;
  for (int64_t begin = 0; begin < count; begin += block) {
    float lane[kLanes] = {};
    for (int64_t i = begin; i < std::min(begin + block, count); ++i) {
      float& sum = lane[(i - begin) % kLanes];
      sum = term(i, sum);
    }
    for (int64_t half = kLanes / 2; half > 0; half /= 2) {
      for (int64_t l = 0; l < half; ++l) lane[l] += lane[l + half];
    }
    total = begin == 0 ? lane[0] : total + lane[0];
  }
  return total;
}

}  // namespace

float exp(float x) {
  if (std::isnan(x)) return x;
  const ExpParts e = exp_parts(std::min(std::max(x, kExpMin), kExpMax));
  const int32_t half = e.exponent >> 1;  // two steps: 2^exponent alone may not be a float
  return e.mantissa * power_of_two(half) * power_of_two(e.exponent - half);
}

float exp_softmax(float x) {
  if (std::isnan(x)) return x;
  if (x < kSoftmaxMin) return 0.0f;
  const ExpParts e = exp_parts(x);
  return e.mantissa * power_of_two(e.exponent);
}

namespace {

// Phi(x), the normal distribution: gelu_erf(x) = x Phi(x).
float normal_cdf(float x) {
  const float z = std::fabs(x * kSqrtHalf);
  const float square = z * z;
  float small = kErf[6];
  for (int i = 5; i >= 0; --i) small = std::fma(small, square, kErf[i]);
  small *= z;  // erf(z), right for z <= 1
  const float t = std::min(z, 5.0f);
  float tail = kErfc[8];
  for (int i = 7; i >= 0; --i) tail = std::fma(tail, t, kErfc[i]);
  tail = exp(tail - square);  // erfc(z), right for z > 1
  const float erfc = z > 1.0f ? tail : 1.0f - small;
  return x > 0.0f ? 1.0f - 0.5f * erfc : 0.5f * erfc;
}

void rms_norm(const float* x, const float* weight, float eps, float* y, int64_t count) {
  const float mean = dot(x, x, count) / static_cast<float>(count);
  const float inverse = 1.0f / std::sqrt(mean + eps);
  for (int64_t i = 0; i < count; ++i) y[i] = x[i] * inverse * weight[i];
}

void layer_norm(const float* x, const float* weight, const float* bias, float eps, float* y,
                int64_t count) {
  const float length = static_cast<float>(count);
  const float mean = blocked_sum(count, [x](int64_t i, float sum) { return sum + x[i]; }) / length;
  const float square = blocked_sum(count, [x, mean](int64_t i, float sum) {
    const float d = x[i] - mean;
    return std::fma(d, d, sum);
  });
  const float inverse = 1.0f / std::sqrt(square / length + eps);
  for (int64_t i = 0; i < count; ++i) {
    y[i] = std::fma((x[i] - mean) * inverse, weight[i], bias[i]);
  }
}

void silu_mul(float* gate, const float* up, int64_t count) {
  for (int64_t i = 0; i < count; ++i) gate[i] = gate[i] / (1.0f + exp(-gate[i])) * up[i];
}

void gelu_tanh(float* x, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float slope = std::fma(x[i] * x[i], kGeluB, kGeluA);
    x[i] = x[i] / (1.0f + exp(-(x[i] * slope)));
  }
}

void gelu_erf(float* x, int64_t count) {
  for (int64_t i = 0; i < count; ++i) x[i] *= normal_cdf(x[i]);
}

void add(const float* x, float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] += x[i];
}

void rotary(float* x, int64_t heads, int64_t head_dim, const float* cos, const float* sin) {
  const int64_t half = head_dim / 2;
  for (int64_t h = 0; h < heads; ++h, x += head_dim) {
    for (int64_t j = 0; j < half; ++j) {
      const float a = x[j], b = x[j + half];
      x[j] = a * cos[j] - b * sin[j];
      x[j + half] = b * cos[j] + a * sin[j];
    }
  }
}

void softmax(float* x, int64_t count) {
  float top = -std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < count; ++i) top = std::max(top, x[i]);
  for (int64_t i = 0; i < count; ++i) x[i] = exp_softmax(x[i] - top);
  const float sum = blocked_sum(count, [x](int64_t i, float s) { return s + x[i]; });
  for (int64_t i = 0; i < count; ++i) x[i] /= sum;
}

void widen_row(const void* source, Storage storage, int64_t count, float* target) {
  for (int64_t i = 0; i < count; ++i) target[i] = widen(source, storage, i);
}

}  // namespace
}  // namespace shijian::kernels::scalar

namespace shijian::kernels {

const RowsTable kRowsScalar = {
    .rms_norm = scalar::rms_norm,
    .layer_norm = scalar::layer_norm,
    .silu_mul = scalar::silu_mul,
    .gelu_tanh = scalar::gelu_tanh,
    .gelu_erf = scalar::gelu_erf,
    .add = scalar::add,
    .rotary = scalar::rotary,
    .softmax = scalar::softmax,
    .widen = scalar::widen_row,
};

}  // namespace shijian::kernels
