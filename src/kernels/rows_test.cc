#include "kernels/rows.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "kernels/numerics.h"
#include "kernels/scalar.h"
#include "kernels/test_support.h"

namespace shijian::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int64_t kLengths[] = {1, 2, 15, 16, 17, 64, 100, 1152, 1290, 2600};

double silu(double x) { return x / (1 + std::exp(-x)); }
double gelu_tanh_of(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
double gelu_erf_of(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }

class RowsTest : public EachIsa {
 protected:
  // Runs `operation` on a copy of x [rows, cols], rows further apart than they are long.
  std::vector<float> apply(const std::vector<float>& x, int64_t rows, int64_t cols,
                           const std::function<void(tensor::Matrix)>& operation) {
    std::vector<float> y(rows * (cols + 3), -7.0f);
    for (int64_t i = 0; i < rows; ++i) {
      std::copy_n(x.begin() + i * cols, cols, y.begin() + i * (cols + 3));
    }
    operation({y.data(), rows, cols, cols + 3});
    std::vector<float> result;
    for (int64_t i = 0; i < rows; ++i) {
      const auto row = y.begin() + i * (cols + 3);
      result.insert(result.end(), row, row + cols);
      for (int64_t j = 0; j < 3; ++j) EXPECT_EQ(row[cols + j], -7.0f) << "gap";
    }
    return result;
  }

  // The same under the scalar version, and one row at a time, gives the same bits.
  std::vector<float> check_bits(const std::vector<float>& x, int64_t rows, int64_t cols,
                                const std::function<void(tensor::Matrix)>& operation) {
    const auto here = apply(x, rows, cols, operation);
    force_isa(Isa::kScalar);
    const auto there = apply(x, rows, cols, operation);
    force_isa(GetParam());
    EXPECT_TRUE(same_bits(here, there)) << "row length " << cols;
    const std::vector<float> last(x.end() - cols, x.end());
    const auto alone = apply(last, 1, cols, operation);
    EXPECT_TRUE(same_bits(alone, {here.end() - cols, here.end()})) << "row length " << cols;
    return here;
  }

  ThreadPool pool_{2};
};

TEST_P(RowsTest, RmsNorm) {
  for (int64_t n : kLengths) {
    const auto x = random_floats(3 * n, 1, 5), weight = random_floats(n, 2);
    const auto y =
        check_bits(x, 3, n, [&](tensor::Matrix m) { rms_norm(pool_, m, weight.data(), 1e-6f, m); });
    for (int64_t i = 0; i < 3; ++i) {
      double square = 0;
      for (int64_t j = 0; j < n; ++j) square += double{x[i * n + j]} * x[i * n + j];
      for (int64_t j = 0; j < n; ++j) {
        const double want = x[i * n + j] / std::sqrt(square / n + double{1e-6f}) * weight[j];
        ASSERT_NEAR(y[i * n + j], want, 1e-6 * std::abs(want)) << n;
      }
    }
  }
}

TEST_P(RowsTest, LayerNorm) {
  for (int64_t n : kLengths) {
    const auto x = random_floats(3 * n, 1, 5), weight = random_floats(n, 2);
    const auto bias = random_floats(n, 3);
    const auto y = check_bits(x, 3, n, [&](tensor::Matrix m) {
      layer_norm(pool_, m, weight.data(), bias.data(), 1e-6f, m);
    });
    for (int64_t i = 0; i < 3; ++i) {
      double mean = 0, square = 0;
      for (int64_t j = 0; j < n; ++j) mean += x[i * n + j] / static_cast<double>(n);
      for (int64_t j = 0; j < n; ++j) square += std::pow(x[i * n + j] - mean, 2);
      for (int64_t j = 0; j < n; ++j) {
        const double centered = (x[i * n + j] - mean) / std::sqrt(square / n + double{1e-6f});
        const double want = centered * weight[j] + bias[j];
        ASSERT_NEAR(y[i * n + j], want, 2e-6 * (1 + std::abs(want))) << n;
      }
    }
  }
}

// An offset far larger than the spread must not drown it.
TEST_P(RowsTest, LayerNormOfOffsetRows) {
  const int64_t n = 1152;
  auto x = random_floats(n, 1);
  double mean = 0, square = 0;
  for (float& value : x) mean += (value += 1000) / static_cast<double>(n);
  for (float value : x) square += std::pow(value - mean, 2);
  const std::vector<float> one(n, 1), zero(n, 0);
  std::vector<float> y(n);
  layer_norm(pool_, {x.data(), 1, n}, one.data(), zero.data(), 1e-6f, {y.data(), 1, n});
  for (int64_t j = 0; j < n; ++j) {
    ASSERT_NEAR(y[j], (x[j] - mean) / std::sqrt(square / n), 1e-4);
  }
}

TEST_P(RowsTest, SiluMul) {
  for (int64_t n : kLengths) {
    const auto gate = random_floats(2 * n, 1, 8), up = random_floats(2 * n, 2);
    const auto y = check_bits(gate, 2, n, [&](tensor::Matrix m) {
      silu_mul(pool_, m, tensor::ConstMatrix(up.data() + (m.rows == 1 ? n : 0), m.rows, n));
    });
    for (int64_t i = 0; i < 2 * n; ++i) {
      const double want = silu(gate[i]) * up[i];
      ASSERT_NEAR(y[i], want, 5e-7 * std::abs(want)) << gate[i];
    }
  }
}

TEST_P(RowsTest, Gelu) {
  for (int64_t n : {int64_t{1}, int64_t{17}, int64_t{3000}}) {
    std::vector<float> x = random_floats(n, 1, 3);
    if (n > 100) {
      for (int64_t i = 0; i < n; ++i) x[i] = -15 + 30.0f * static_cast<float>(i) / n;
    }
    const auto with_tanh = check_bits(x, 1, n, [&](tensor::Matrix m) { gelu_tanh(pool_, m); });
    const auto with_erf = check_bits(x, 1, n, [&](tensor::Matrix m) { gelu_erf(pool_, m); });
    for (int64_t i = 0; i < n; ++i) {
      ASSERT_NEAR(with_tanh[i], gelu_tanh_of(x[i]), 3e-7 * (1 + std::abs(x[i]))) << x[i];
      ASSERT_NEAR(with_erf[i], gelu_erf_of(x[i]), 3e-7 * (1 + std::abs(x[i]))) << x[i];
    }
  }
}

TEST_P(RowsTest, ActivationsAtTheEnds) {
  const float nan = std::nanf("");
  std::vector<float> x{0, -0.0f, 1000, -1000, 1e30f, -1e30f, kInfinity, nan, 1e-40f, 88.9f, -88.9f};
  const int64_t n = static_cast<int64_t>(x.size());
  const std::vector<float> one(n, 1);
  const auto results = {
      apply(x, 1, n,
            [&](tensor::Matrix m) { silu_mul(pool_, m, tensor::ConstMatrix(one.data(), 1, n)); }),
      apply(x, 1, n, [&](tensor::Matrix m) { gelu_tanh(pool_, m); }),
      apply(x, 1, n, [&](tensor::Matrix m) { gelu_erf(pool_, m); })};
  for (const auto& y : results) {
    EXPECT_EQ(y[0], 0);
    EXPECT_EQ(y[1], 0);
    EXPECT_EQ(y[2], 1000);
    EXPECT_EQ(y[3], 0);
    EXPECT_EQ(y[4], 1e30f);
    EXPECT_EQ(y[5], 0);
    EXPECT_EQ(y[6], kInfinity);
    EXPECT_TRUE(std::isnan(y[7]));
    EXPECT_NEAR(y[9], 88.9, 1e-4);
    EXPECT_NEAR(y[10], 0, 1e-30);
  }
}

TEST_P(RowsTest, Add) {
  const auto x = random_floats(2 * 37, 1), y = random_floats(2 * 37, 2);
  const auto sum = apply(y, 2, 37, [&](tensor::Matrix m) { add(pool_, {x.data(), 2, 37}, m); });
  for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(sum[i], y[i] + x[i]);
}

TEST_P(RowsTest, Rotary) {
  for (int64_t dim : {2, 20, 64, 72, 128}) {
    const int64_t heads = 3, rows = 4, half = dim / 2, cols = heads * dim + 5;
    const auto x = random_floats(rows * cols, 1), angle = random_floats(rows * half, 2, 9);
    std::vector<float> cosine(angle.size()), sine(angle.size());
    for (size_t i = 0; i < angle.size(); ++i) {
      cosine[i] = std::cos(angle[i]), sine[i] = std::sin(angle[i]);
    }
    const auto y = check_bits(x, rows, cols, [&](tensor::Matrix m) {
      const int64_t skip = (rows - m.rows) * half;  // one row alone is the last
      rotary(pool_, m, heads, dim, {cosine.data() + skip, m.rows, half},
             {sine.data() + skip, m.rows, half});
    });
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t h = 0; h < heads; ++h) {
        for (int64_t j = 0; j < half; ++j) {
          const int64_t at = i * cols + h * dim + j;
          const double c = cosine[i * half + j], s = sine[i * half + j];
          ASSERT_NEAR(y[at], x[at] * c - x[at + half] * s, 1e-6);
          ASSERT_NEAR(y[at + half], x[at + half] * c + x[at] * s, 1e-6);
        }
      }
      for (int64_t j = heads * dim; j < cols; ++j) ASSERT_EQ(y[i * cols + j], x[i * cols + j]);
    }
  }
}

TEST_P(RowsTest, Softmax) {
  for (int64_t n : kLengths) {
    auto x = random_floats(3 * n, 1, 10);
    x[0] = 300;
    const auto y = check_bits(x, 3, n, [&](tensor::Matrix m) { softmax(pool_, m); });
    for (int64_t i = 0; i < 3; ++i) {
      const auto row = x.begin() + i * n;
      const double top = *std::max_element(row, row + n);
      double sum = 0;
      for (int64_t j = 0; j < n; ++j) sum += std::exp(row[j] - top);
      for (int64_t j = 0; j < n; ++j) {
        ASSERT_NEAR(y[i * n + j], std::exp(row[j] - top) / sum, 1e-6) << n;
      }
    }
  }
  const auto masked =
      apply({-kInfinity, 1, -kInfinity, 1}, 1, 4, [&](tensor::Matrix m) { softmax(pool_, m); });
  EXPECT_EQ(masked, (std::vector<float>{0, 0.5f, 0, 0.5f}));
  EXPECT_TRUE(std::isnan(
      apply({1, std::nanf(""), 2}, 1, 3, [&](tensor::Matrix m) { softmax(pool_, m); })[0]));
}

// All 65536 values of each half type.
TEST_P(RowsTest, ConvertIsExact) {
  std::vector<uint16_t> halves(65536);
  for (size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint16_t>(i);
  std::vector<float> wide(halves.size());
  convert_to_f32(halves.data(), tensor::DType::kBF16, 65536, wide.data());
  for (uint32_t i = 0; i < 65536; ++i) ASSERT_EQ(std::bit_cast<uint32_t>(wide[i]), i << 16);
  convert_to_f32(halves.data(), tensor::DType::kF16, 65536, wide.data());
  for (uint32_t i = 0; i < 65536; ++i) {
    const double sign = i & 0x8000 ? -1 : 1;
    const int exponent = i >> 10 & 31;
    const double fraction = i & 0x3FF;
    if (exponent == 31) {
      if (fraction != 0) {
        ASSERT_TRUE(std::isnan(wide[i]));
      } else {
        ASSERT_EQ(wide[i], sign * kInfinity);
      }
    } else if (exponent == 0) {
      ASSERT_EQ(wide[i], sign * std::ldexp(fraction, -24));
      ASSERT_EQ(std::signbit(wide[i]), sign < 0);
    } else {
      ASSERT_EQ(wide[i], sign * std::ldexp(1024 + fraction, exponent - 25));
    }
  }
  const auto plain = random_floats(77, 1);
  std::vector<float> copy(77);
  convert_to_f32(plain.data(), tensor::DType::kF32, 77, copy.data());
  EXPECT_TRUE(same_bits(plain, copy));
}

TEST_P(RowsTest, GatherRows) {
  const auto values = random_floats(10 * 21, 4);
  for (tensor::DType dtype : {tensor::DType::kF32, tensor::DType::kF16, tensor::DType::kBF16}) {
    const auto bytes = stored(values, dtype);
    const int32_t ids[] = {9, 0, 3, 3};
    const auto y = apply(std::vector<float>(4 * 21), 4, 21, [&](tensor::Matrix m) {
      gather_rows({bytes.data(), dtype, {10, 21}}, ids, m);
    });
    for (int64_t i = 0; i < 4; ++i) {
      for (int64_t j = 0; j < 21; ++j) {
        ASSERT_NEAR(y[i * 21 + j], values[ids[i] * 21 + j], 0.01 * std::abs(y[i * 21 + j]) + 1e-4);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, RowsTest, all_isas(), isa_test_name);

// One float in 997 of all there are.
TEST(ScalarExpTest, WithinOneUnitInTheLastPlace) {
  for (uint64_t bits = 0; bits <= 0xFFFFFFFF; bits += 997) {
    const float x = std::bit_cast<float>(static_cast<uint32_t>(bits));
    const float y = scalar::exp(x);
    if (std::isnan(x)) {
      ASSERT_TRUE(std::isnan(y));
      continue;
    }
    const double want = std::exp(static_cast<double>(x));
    if (want > std::numeric_limits<float>::max()) {
      ASSERT_GE(y, std::numeric_limits<float>::max()) << x;
      continue;
    }
    const double smallest = std::ldexp(1.0, -149);  // of all floats but 0
    const double unit =
        want < smallest ? smallest : std::max(smallest, std::ldexp(1.0, std::ilogb(want) - 23));
    ASSERT_NEAR(y, want, unit * 1.01) << x;
    if (x <= 0 && want > 1e-37) {
      ASSERT_EQ(scalar::exp_softmax(x), y) << x;
    }
  }
}

TEST(RowsDeathTest, Misuse) {
  ThreadPool pool(1);
  std::vector<float> data(100);
  const tensor::Matrix x(data.data(), 2, 10);
  EXPECT_DEATH(add(pool, tensor::ConstMatrix(data.data() + 50, 2, 9), x),
               "\\[2, 9\\] and \\[2, 10\\]");
  EXPECT_DEATH(rotary(pool, x, 2, 6, {data.data(), 2, 3}, {data.data(), 2, 3}), "2 heads of 6");
  EXPECT_DEATH(rotary(pool, x, 1, 6, {data.data(), 2, 4}, {data.data(), 2, 4}), "angles");
  EXPECT_DEATH(convert_to_f32(data.data(), tensor::DType::kI64, 1, data.data()), "I64");
  const int32_t ids[] = {0, 5};
  EXPECT_DEATH(gather_rows({data.data(), tensor::DType::kF32, {5, 10}}, ids, x), "row 5 of 5");
}

}  // namespace
}  // namespace shijian::kernels
