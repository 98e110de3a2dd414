#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/test_support.h"

namespace shijian::kernels {
namespace {

// Random operands with rows further apart than they are long.
struct AttentionProblem {
  int64_t queries, keys, heads, kv_heads, dim;
  bool causal;
  int64_t q_stride, k_stride, v_stride, out_stride;
  std::vector<float> q, k, v;

  AttentionProblem(int64_t query_count, int64_t key_count, int64_t head_count,
                   int64_t kv_head_count, int64_t head_dim, bool is_causal)
      : queries(query_count),
        keys(key_count),
        heads(head_count),
        kv_heads(kv_head_count),
        dim(head_dim),
        causal(is_causal),
        q_stride(heads * dim + 5),
        k_stride(kv_heads * dim + 2),
        v_stride(kv_heads * dim + 1),
        out_stride(heads * dim + 3),
        q(random_floats(queries * q_stride, 1)),
        k(random_floats(keys * k_stride, 2)),
        v(random_floats(keys * v_stride, 3)) {}

  float scale() const { return 1.5f / std::sqrt(static_cast<float>(dim)); }

  // Queries [begin, begin + count) against the first `seen` keys.
  std::vector<float> run(ThreadPool& pool, int64_t begin, int64_t count, int64_t seen) const {
    std::vector<float> out(count * out_stride, -7.0f);
    attention(pool, {.q = q.data() + begin * q_stride,
                     .k = k.data(),
                     .v = v.data(),
                     .out = out.data(),
                     .queries = count,
                     .keys = seen,
                     .heads = heads,
                     .kv_heads = kv_heads,
                     .head_dim = dim,
                     .q_stride = q_stride,
                     .k_stride = k_stride,
                     .v_stride = v_stride,
                     .out_stride = out_stride,
                     .scale = scale(),
                     .causal = causal});
    return out;
  }
  std::vector<float> run(ThreadPool& pool) const { return run(pool, 0, queries, keys); }

  void expect_right(const std::vector<float>& out) const {
    std::vector<double> weight(keys);
    for (int64_t i = 0; i < queries; ++i) {
      const int64_t seen = causal ? keys - queries + i + 1 : keys;
      for (int64_t h = 0; h < heads; ++h) {
        const int64_t g = h / (heads / kv_heads);
        double top = -1e300, sum = 0;
        for (int64_t j = 0; j < seen; ++j) {
          double score = 0;
          for (int64_t d = 0; d < dim; ++d) {
            score += double{q[i * q_stride + h * dim + d]} * k[j * k_stride + g * dim + d];
          }
          weight[j] = score * scale();
          top = std::max(top, weight[j]);
        }
        for (int64_t j = 0; j < seen; ++j) sum += weight[j] = std::exp(weight[j] - top);
        for (int64_t d = 0; d < dim; ++d) {
          double value = 0;
          for (int64_t j = 0; j < seen; ++j) value += weight[j] * v[j * v_stride + g * dim + d];
          ASSERT_NEAR(out[i * out_stride + h * dim + d], value / sum, 4e-6)
              << "query " << i << " head " << h << " of " << queries << "x" << keys << " dim "
              << dim;
        }
      }
      for (int64_t d = heads * dim; d < out_stride; ++d) {
        ASSERT_EQ(out[i * out_stride + d], -7.0f) << "gap";
      }
    }
  }
};

class AttentionTest : public EachIsa {
 protected:
  bool slow() const { return GetParam() == Isa::kScalar; }
  ThreadPool pool_{2};
};

TEST_P(AttentionTest, AgreesWithDoublePrecision) {
  for (bool causal : {false, true}) {
    AttentionProblem(1, 1, 1, 1, 8, causal)
        .expect_right(AttentionProblem(1, 1, 1, 1, 8, causal).run(pool_));
    for (int64_t dim : {8, 20, 64, 72, 128, 256}) {
      const AttentionProblem grouped(17, 150, 6, 2, dim, causal);
      grouped.expect_right(grouped.run(pool_));
    }
    const AttentionProblem square(140, 140, 2, 2, 16, causal);
    square.expect_right(square.run(pool_));
    const AttentionProblem decode(1, 700, 4, 1, 32, causal);
    decode.expect_right(decode.run(pool_));
  }
}

TEST_P(AttentionTest, RandomShapes) {
  std::mt19937 random(5);
  for (int i = 0; i < 25; ++i) {
    const auto pick = [&](int most) { return static_cast<int64_t>(random() % most + 1); };
    const int64_t queries = pick(50), kv_heads = pick(3);
    const AttentionProblem problem(queries, queries + pick(300) - 1, kv_heads * pick(4), kv_heads,
                                   2 * pick(50), random() % 2 == 0);
    problem.expect_right(problem.run(pool_));
  }
}

// Causal queries computed in chunks of any size, with any number of threads, give the same bits.
TEST_P(AttentionTest, ChunksDoNotChangeABit) {
  const int64_t total = slow() ? 140 : 400;
  for (const auto& [heads, kv_heads] : {std::pair<int64_t, int64_t>{4, 2}, {3, 1}, {2, 2}}) {
    for (int64_t dim : {20, 32}) {
      const AttentionProblem problem(total, total, heads, kv_heads, dim, true);
      const auto all = problem.run(pool_);
      for (int threads : {1, 2, 3}) {
        ThreadPool pool(threads);
        for (int64_t chunk : {int64_t{1}, int64_t{7}, int64_t{64}, total}) {
          for (int64_t begin = 0; begin < total; begin += chunk == 1 ? 13 : chunk) {
            const int64_t count = std::min(chunk, total - begin);
            const auto part = problem.run(pool, begin, count, begin + count);
            const auto from = all.begin() + begin * problem.out_stride;
            ASSERT_TRUE(same_bits(part, {from, from + count * problem.out_stride}))
                << count << " queries from " << begin << " dim " << dim;
          }
        }
      }
    }
  }
}

TEST_P(AttentionTest, SameBitsAsScalar) {
  for (bool causal : {false, true}) {
    for (int64_t dim : {8, 20, 64, 80}) {
      const AttentionProblem problem(19, 290, 4, 2, dim, causal);
      const auto here = problem.run(pool_);
      force_isa(Isa::kScalar);
      const auto there = problem.run(pool_);
      force_isa(GetParam());
      EXPECT_TRUE(same_bits(here, there)) << "dim " << dim << " causal " << causal;
    }
  }
}

// Keys and values after a query are as if they were not there, whatever they hold.
TEST_P(AttentionTest, UnseenKeysChangeNothing) {
  AttentionProblem problem(30, 160, 4, 2, 24, true);
  const auto before = problem.run(pool_);
  const float bad[] = {std::nanf(""), std::numeric_limits<float>::infinity(), -1e38f, 1e38f};
  for (int64_t j = 145; j < 160; ++j) {  // seen from query 15 on
    for (int64_t d = 0; d < 48; ++d) {
      problem.k[j * problem.k_stride + d] = bad[(j + d) % 4];
      problem.v[j * problem.v_stride + d] = bad[(j + d + 1) % 4];
    }
  }
  const auto after = problem.run(pool_);
  const auto split = 15 * problem.out_stride;
  EXPECT_TRUE(
      same_bits({before.begin(), before.begin() + split}, {after.begin(), after.begin() + split}));
  EXPECT_TRUE(std::isnan(after[29 * problem.out_stride]));
}

TEST_P(AttentionTest, LargeScoresDoNotOverflow) {
  AttentionProblem problem(3, 300, 1, 1, 16, false);
  for (float& value : problem.q) value *= 300;
  const auto out = problem.run(pool_);
  for (int64_t d = 0; d < 16; ++d) EXPECT_TRUE(std::isfinite(out[d]));
}

INSTANTIATE_TEST_SUITE_P(All, AttentionTest, all_isas(), isa_test_name);

TEST(AttentionDeathTest, Misuse) {
  ThreadPool pool(1);
  std::vector<float> data(1000);
  AttentionArgs args{.q = data.data(),
                     .k = data.data(),
                     .v = data.data(),
                     .out = data.data(),
                     .queries = 4,
                     .keys = 3,
                     .heads = 3,
                     .kv_heads = 1,
                     .head_dim = 8,
                     .q_stride = 24,
                     .k_stride = 8,
                     .v_stride = 8,
                     .out_stride = 24};
  args.causal = true;
  EXPECT_DEATH(attention(pool, args), "4 queries, 3 keys");
  args.causal = false;
  args.kv_heads = 2;
  EXPECT_DEATH(attention(pool, args), "3 heads, 2 key heads");
  args.kv_heads = 1;
  args.v_stride = 7;
  EXPECT_DEATH(attention(pool, args), "strides");
}

}  // namespace
}  // namespace shijian::kernels
