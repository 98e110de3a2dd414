#include "kernels/matmul.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/scalar.h"
#include "kernels/storage.h"
#include "kernels/test_support.h"

namespace shijian::kernels {
namespace {

constexpr float kUnset = 12345.0f;

// x [m, k], w [n, k] or transposed [k, n], bias [n], with rows further apart than they are long.
struct MatmulProblem {
  int64_t m, k, n;
  tensor::DType dtype;
  bool transposed = false;
  int64_t x_stride, w_stride, y_stride;
  std::vector<float> x, w_values, bias;
  std::vector<std::byte> w;

  MatmulProblem(int64_t rows, int64_t inner, int64_t outputs, tensor::DType stored_as,
                bool is_transposed = false, int64_t gap = 3)
      : m(rows), k(inner), n(outputs), dtype(stored_as), transposed(is_transposed) {
    const int64_t w_rows = transposed ? k : n, w_cols = transposed ? n : k;
    x_stride = k + gap, w_stride = w_cols + gap, y_stride = n + gap;
    x = random_floats(m * x_stride, 1);
    w = stored(random_floats(w_rows * w_stride, 2), dtype);
    bias = random_floats(n, 3);
  }

  WeightView view() const {
    return {w.data(), dtype, transposed ? k : n, transposed ? n : k, w_stride};
  }
  double weight(int64_t output, int64_t input) const {
    return scalar::widen(w.data(), storage_of(dtype),
                         transposed ? input * w_stride + output : output * w_stride + input);
  }

  // Rows [begin, begin + rows) of y, as [rows, y_stride]; the gaps keep kUnset.
  std::vector<float> run(ThreadPool& pool, int64_t begin, int64_t rows, bool with_bias) const {
    std::vector<float> y(rows * y_stride, kUnset);
    const tensor::ConstMatrix input{x.data() + begin * x_stride, rows, k, x_stride};
    const tensor::Matrix output{y.data(), rows, n, y_stride};
    if (transposed) {
      matmul_transposed(pool, input, view(), output);
    } else {
      matmul(pool, input, view(), with_bias ? bias.data() : nullptr, output);
    }
    return y;
  }

  void expect_right(const std::vector<float>& y, bool with_bias) const {
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        double sum = with_bias ? bias[j] : 0, magnitude = 1;
        for (int64_t a = 0; a < k; ++a) {
          const double product = x[i * x_stride + a] * weight(j, a);
          sum += product;
          magnitude += std::abs(product);
        }
        ASSERT_NEAR(y[i * y_stride + j], sum, magnitude * 4e-7)
            << m << "x" << k << "x" << n << " at " << i << ", " << j;
      }
      for (int64_t j = n; j < y_stride; ++j) ASSERT_EQ(y[i * y_stride + j], kUnset) << "gap";
    }
  }
};

class MatmulTest : public EachIsa {
 protected:
  ThreadPool pool_{2};
};

TEST_P(MatmulTest, AgreesWithDoublePrecision) {
  const int64_t shapes[][3] = {{1, 1, 1},    {1, 16, 4},    {2, 15, 5},    {3, 17, 9},
                               {4, 64, 33},  {5, 1, 7},     {6, 33, 6},    {7, 96, 13},
                               {9, 1281, 7}, {4, 2600, 10}, {13, 512, 25}, {200, 20, 40},
                               {5, 5000, 3}};
  for (tensor::DType dtype : {tensor::DType::kF32, tensor::DType::kF16, tensor::DType::kBF16}) {
    for (const auto& [m, k, n] : shapes) {
      for (bool transposed : {false, true}) {
        const MatmulProblem problem(m, k, n, dtype, transposed);
        const bool with_bias = !transposed && (m + n) % 2 == 0;
        problem.expect_right(problem.run(pool_, 0, m, with_bias), with_bias);
      }
    }
  }
}

TEST_P(MatmulTest, RandomShapes) {
  std::mt19937 random(7);
  for (int i = 0; i < 30; ++i) {
    const auto pick = [&](int most) { return static_cast<int64_t>(random() % most + 1); };
    const tensor::DType dtypes[] = {tensor::DType::kF32, tensor::DType::kF16, tensor::DType::kBF16};
    const MatmulProblem problem(pick(40), pick(300), pick(80), dtypes[random() % 3],
                                random() % 2 == 0, random() % 20);
    problem.expect_right(problem.run(pool_, 0, problem.m, false), false);
  }
}

// A row's result is the same to the bit alone and among many, with 1, 2 or 3 threads.
TEST_P(MatmulTest, RowsDoNotDependOnEachOther) {
  const bool slow = GetParam() == Isa::kScalar;
  for (bool transposed : {false, true}) {
    const MatmulProblem problem(1000, slow ? 37 : 1301, slow ? 11 : 61, tensor::DType::kBF16,
                                transposed);
    const auto all = problem.run(pool_, 0, 1000, true);
    for (int threads : {1, 2, 3}) {
      ThreadPool pool(threads);
      for (int64_t rows : {1, 2, 3, 4, 7, 64, 1000}) {
        for (int64_t begin : {int64_t{0}, (1000 - rows) / 2, 1000 - rows}) {
          const auto part = problem.run(pool, begin, rows, true);
          const auto from = all.begin() + begin * problem.y_stride;
          ASSERT_TRUE(same_bits(part, {from, from + rows * problem.y_stride}))
              << rows << " rows from " << begin << ", " << threads << " threads, transposed "
              << transposed;
        }
      }
    }
  }
}

// Every instruction set gives the bits of the scalar version.
TEST_P(MatmulTest, SameBitsAsScalar) {
  for (tensor::DType dtype : {tensor::DType::kF32, tensor::DType::kF16, tensor::DType::kBF16}) {
    for (bool transposed : {false, true}) {
      for (int64_t m : {1, 3, 4, 6, 21}) {
        for (int64_t k : {5, 100, 1290, 2700}) {
          const MatmulProblem problem(m, k, 23, dtype, transposed);
          const auto here = problem.run(pool_, 0, m, true);
          force_isa(Isa::kScalar);
          const auto there = problem.run(pool_, 0, m, true);
          force_isa(GetParam());
          ASSERT_TRUE(same_bits(here, there)) << m << "x" << k << " " << tensor::dtype_name(dtype);
        }
      }
    }
  }
}

TEST_P(MatmulTest, NanAndInfinityPropagateInTheirRowOnly) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (bool transposed : {false, true}) {
    MatmulProblem problem(9, 40, 20, tensor::DType::kF32, transposed);
    problem.x[2 * problem.x_stride + 39] = std::nanf("");
    problem.x[5 * problem.x_stride + 17] = infinity;
    const auto y = problem.run(pool_, 0, 9, false);
    for (int64_t j = 0; j < 20; ++j) {
      EXPECT_TRUE(std::isnan(y[2 * problem.y_stride + j]));
      EXPECT_TRUE(std::isinf(y[5 * problem.y_stride + j]));
      for (int64_t i : {0, 1, 3, 4, 6, 7, 8})
        EXPECT_TRUE(std::isfinite(y[i * problem.y_stride + j]));
    }
    // What lies between the rows is never read into a result.
    for (int64_t i = 0; i < 9; ++i) problem.x[i * problem.x_stride + 40] = std::nanf("");
    EXPECT_TRUE(std::isfinite(problem.run(pool_, 0, 9, false)[0]));
  }
}

TEST_P(MatmulTest, EmptyOperands) {
  const MatmulProblem no_rows(0, 8, 4, tensor::DType::kF32);
  EXPECT_TRUE(no_rows.run(pool_, 0, 0, true).empty());
  for (bool transposed : {false, true}) {
    const MatmulProblem no_inner(2, 0, 4, tensor::DType::kF32, transposed);
    const auto y = no_inner.run(pool_, 0, 2, true);
    EXPECT_EQ(y[0], transposed ? 0.0f : no_inner.bias[0]);
  }
}

INSTANTIATE_TEST_SUITE_P(All, MatmulTest, all_isas(), isa_test_name);

TEST(MatmulDeathTest, Misuse) {
  ThreadPool pool(1);
  std::vector<float> data(100);
  const WeightView w{data.data(), tensor::DType::kF32, 4, 5, 5};
  const tensor::ConstMatrix x(data.data(), 2, 5);
  EXPECT_DEATH(matmul(pool, x, w, nullptr, tensor::Matrix(data.data() + 50, 2, 3)),
               "y has 3 columns");
  EXPECT_DEATH(matmul(pool, x, w, nullptr, tensor::Matrix(data.data() + 50, 3, 4)), "y 3");
  EXPECT_DEATH(
      matmul(pool, {data.data(), 2, 6}, w, nullptr, tensor::Matrix(data.data() + 50, 2, 4)),
      "x has 6 columns");
  EXPECT_DEATH(matmul(pool, x, w, nullptr, tensor::Matrix(data.data() + 5, 2, 4)), "overlap");
  const WeightView bad{data.data(), tensor::DType::kI32, 4, 5, 5};
  EXPECT_DEATH(matmul(pool, x, bad, nullptr, tensor::Matrix(data.data() + 50, 2, 4)),
               "weight is I32");
}

}  // namespace
}  // namespace shijian::kernels
