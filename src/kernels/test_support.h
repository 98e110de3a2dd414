// What the kernels' tests share. Private to this folder's tests.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kernels/isa.h"
#include "tensor/tensor.h"

namespace shijian::kernels {

// Runs a test once for every instruction set; those that this machine lacks are skipped.
class EachIsa : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!isa_supported(GetParam())) GTEST_SKIP() << "not on this machine";
    before_ = active_isa();
    force_isa(GetParam());
  }
  void TearDown() override {
    if (isa_supported(GetParam())) force_isa(before_);
  }

 private:
  Isa before_ = Isa::kScalar;
};

inline auto all_isas() { return ::testing::Values(Isa::kScalar, Isa::kAvx2, Isa::kAvx512); }
inline std::string isa_test_name(const ::testing::TestParamInfo<Isa>& info) {
  return std::string(isa_name(info.param));
}

inline std::vector<float> random_floats(size_t count, unsigned seed, float deviation = 1) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> values(count);
  for (float& value : values) value = normal(engine);
  return values;
}

inline uint16_t to_bf16(float value) {  // towards zero
  return static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16);
}

// F16 of values that F16 holds as normal numbers; the rest of the fraction is dropped.
inline uint16_t to_f16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const int32_t exponent = static_cast<int32_t>(bits >> 23 & 0xFF) - 127 + 15;
  const uint32_t sign = bits >> 16 & 0x8000;
  if (exponent <= 0) return static_cast<uint16_t>(sign);
  return static_cast<uint16_t>(sign | static_cast<uint32_t>(exponent) << 10 | (bits >> 13 & 0x3FF));
}

// The values as a checkpoint stores them.
inline std::vector<std::byte> stored(const std::vector<float>& values, tensor::DType dtype) {
  std::vector<std::byte> bytes(values.size() * tensor::dtype_size(dtype));
  for (size_t i = 0; i < values.size(); ++i) {
    if (dtype == tensor::DType::kF32) {
      std::memcpy(bytes.data() + i * 4, &values[i], 4);
    } else {
      const uint16_t half = dtype == tensor::DType::kBF16 ? to_bf16(values[i]) : to_f16(values[i]);
      std::memcpy(bytes.data() + i * 2, &half, 2);
    }
  }
  return bytes;
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace shijian::kernels
