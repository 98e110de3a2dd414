// Operations on rows, written once for every instruction set: the same steps as rows_scalar.cc, the
// same bits. Include after lanes_*.h.
#pragma once

#include "kernels/math_lanes.h"
#include "kernels/rows_table.h"

namespace shijian::kernels {
namespace {

// Sixteen elements, or what is left of a row.
LANES_INLINE V load_up_to(const float* p, int64_t left) {
  return left >= kLanes ? load(p) : load_first(p, left);
}
LANES_INLINE void store_up_to(float* p, V a, int64_t left) {
  if (left >= kLanes) {
    store(p, a);
  } else {
    store_first(p, a, left);
  }
}

// Sum of a row, in the order of numerics.h: `term(i, left, sum)` adds elements i to i + 15.
template <typename Term>
LANES_INLINE float blocked_sum(int64_t count, Term term) {
  const int64_t block = dot_block_length(count);
  float total = 0;
  for (int64_t begin = 0; begin < count; begin += block) {
    const int64_t end = begin + block < count ? begin + block : count;
    V sum = zero();
    for (int64_t i = begin; i < end; i += kLanes) sum = term(i, end - i, sum);
    const float part = fold_add(sum);
    total = begin == 0 ? part : total + part;
  }
  return total;
}

void rms_norm(const float* x, const float* weight, float eps, float* y, int64_t count) {
  const float square = blocked_sum(count, [x](int64_t i, int64_t left, V sum) {
    const V a = load_up_to(x + i, left);
    return fma(a, a, sum);
  });
  const V inverse = splat(1.0f / __builtin_sqrtf(square / static_cast<float>(count) + eps));
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t left = count - i;
    const V a = mul(load_up_to(x + i, left), inverse);
    store_up_to(y + i, mul(a, load_up_to(weight + i, left)), left);
  }
}

void layer_norm(const float* x, const float* weight, const float* bias, float eps, float* y,
                int64_t count) {
  const float length = static_cast<float>(count);
  const float mean = blocked_sum(count, [x](int64_t i, int64_t left,
                                            V sum) { return add(sum, load_up_to(x + i, left)); }) /
                     length;
  const V center = splat(mean);
  const float square = blocked_sum(count, [x, center](int64_t i, int64_t left, V sum) {
    V d = sub(load_up_to(x + i, left), center);
    if (left < kLanes) d = select(first(left), d, zero());
    return fma(d, d, sum);
  });
  const V inverse = splat(1.0f / __builtin_sqrtf(square / length + eps));
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t left = count - i;
    const V a = mul(sub(load_up_to(x + i, left), center), inverse);
    store_up_to(y + i, fma(a, load_up_to(weight + i, left), load_up_to(bias + i, left)), left);
  }
}

void silu_mul(float* gate, const float* up, int64_t count) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t left = count - i;
    const V a = load_up_to(gate + i, left);
    const V silu = div(a, add(splat(1.0f), exp(negate(a))));
    store_up_to(gate + i, mul(silu, load_up_to(up + i, left)), left);
  }
}

void gelu_tanh(float* x, int64_t count) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const V a = load_up_to(x + i, count - i);
    const V slope = fma(mul(a, a), splat(kGeluB), splat(kGeluA));
    const V value = div(a, add(splat(1.0f), exp(negate(mul(a, slope)))));
    store_up_to(x + i, value, count - i);
  }
}

void gelu_erf(float* x, int64_t count) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const V a = load_up_to(x + i, count - i);
    store_up_to(x + i, mul(a, normal_cdf(a)), count - i);
  }
}

void add_row(const float* x, float* y, int64_t count) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t left = count - i;
    store_up_to(y + i, add(load_up_to(y + i, left), load_up_to(x + i, left)), left);
  }
}

void rotary(float* x, int64_t heads, int64_t head_dim, const float* cosine, const float* sine) {
  const int64_t half = head_dim / 2;
  for (int64_t h = 0; h < heads; ++h, x += head_dim) {
    for (int64_t j = 0; j < half; j += kLanes) {
      const int64_t left = half - j;
      const V a = load_up_to(x + j, left), b = load_up_to(x + half + j, left);
      const V c = load_up_to(cosine + j, left), s = load_up_to(sine + j, left);
      store_up_to(x + j, sub(mul(a, c), mul(b, s)), left);
      store_up_to(x + half + j, add(mul(b, c), mul(a, s)), left);
    }
  }
}

void softmax(float* x, int64_t count) {
  const V lowest = splat(-__builtin_inff());
  V top = lowest;
  for (int64_t i = 0; i < count; i += kLanes) {
    V a = load_up_to(x + i, count - i);
    if (count - i < kLanes) a = select(first(count - i), a, lowest);
    top = max(top, a);
  }
  top = splat(fold_max(top));
  for (int64_t i = 0; i < count; i += kLanes) {
    store_up_to(x + i, exp_softmax(sub(load_up_to(x + i, count - i), top)), count - i);
  }
  const V sum = splat(blocked_sum(count, [x](int64_t i, int64_t left, V total) {
    return add(total, load_up_to(x + i, left));
  }));
  for (int64_t i = 0; i < count; i += kLanes) {
    store_up_to(x + i, div(load_up_to(x + i, count - i), sum), count - i);
  }
}

template <Storage S>
void widen_as(const void* source, int64_t count, float* target) {
  constexpr int64_t kSize = S == Storage::kF32 ? 4 : 2;
  const char* from = static_cast<const char*>(source);
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(target + i, load_stored<S>(from + i * kSize));
  if (i < count) {
    store_first(target + i, load_stored_first<S>(from + i * kSize, count - i), count - i);
  }
}

void widen(const void* source, Storage storage, int64_t count, float* target) {
  switch (storage) {
    case Storage::kF32:
      return widen_as<Storage::kF32>(source, count, target);
    case Storage::kF16:
      return widen_as<Storage::kF16>(source, count, target);
    case Storage::kBF16:
      return widen_as<Storage::kBF16>(source, count, target);
  }
}

constexpr RowsTable kRowsOnLanes = {
    .rms_norm = rms_norm,
    .layer_norm = layer_norm,
    .silu_mul = silu_mul,
    .gelu_tanh = gelu_tanh,
    .gelu_erf = gelu_erf,
    .add = add_row,
    .rotary = rotary,
    .softmax = softmax,
    .widen = widen,
};

}  // namespace
}  // namespace shijian::kernels
