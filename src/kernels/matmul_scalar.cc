#include <algorithm>
#include <cmath>

#include "kernels/numerics.h"
#include "kernels/scalar.h"
#include "kernels/storage.h"

namespace shijian::kernels::scalar {
namespace {

template <typename A, typename B>
float blocked_dot(int64_t count, const A& a, const B& b) {
  const int64_t block = dot_block_length(count);
  float total = 0;
  for (int64_t begin = 0; begin < count; begin += block) {
    const int64_t end = std::min(begin + block, count);
    float lane[kLanes] = {};
    for (int64_t i = begin; i < end; ++i) {
      float& sum = lane[(i - begin) % kLanes];
      sum = std::fma(a(i), b(i), sum);
    }
    for (int64_t half = kLanes / 2; half > 0; half /= 2) {
      for (int64_t l = 0; l < half; ++l) lane[l] += lane[l + half];
    }
    total = begin == 0 ? lane[0] : total + lane[0];
  }
  return total;
}

}  // namespace

float widen(const void* data, Storage storage, int64_t index) {
  if (storage == Storage::kF32) return static_cast<const float*>(data)[index];
  const uint16_t bits = static_cast<const uint16_t*>(data)[index];
  return storage == Storage::kBF16 ? widen_bf16(bits) : widen_f16(bits);
}

float dot(const float* a, const float* b, int64_t count) {
  return blocked_dot(
      count, [a](int64_t i) { return a[i]; }, [b](int64_t i) { return b[i]; });
}

void matmul(tensor::ConstMatrix x, const WeightView& w, const float* bias, tensor::Matrix y,
            int64_t begin, int64_t end) {
  const Storage storage = storage_of(w.dtype);
  for (int64_t n = begin; n < end; ++n) {
    for (int64_t m = 0; m < x.rows; ++m) {
      const float* row = x.row(m);
      const float sum = blocked_dot(
          x.cols, [row](int64_t i) { return row[i]; },
          [&w, storage, n](int64_t i) { return widen(w.data, storage, n * w.stride + i); });
      y.row(m)[n] = bias != nullptr ? sum + bias[n] : sum;
    }
  }
}

void matmul_transposed(tensor::ConstMatrix x, const WeightView& w, tensor::Matrix y, int64_t begin,
                       int64_t end) {
  const Storage storage = storage_of(w.dtype);
  for (int64_t m = 0; m < x.rows; ++m) {
    for (int64_t n = begin; n < end; ++n) {
      float total = 0;
      for (int64_t block = 0; block < x.cols; block += kTransposedBlock) {
        float sum = 0;
        for (int64_t i = block; i < std::min(block + kTransposedBlock, x.cols); ++i) {
          sum = std::fma(x.row(m)[i], widen(w.data, storage, i * w.stride + n), sum);
        }
        total = block == 0 ? sum : total + sum;
      }
      y.row(m)[n] = total;
    }
  }
}

}  // namespace shijian::kernels::scalar
