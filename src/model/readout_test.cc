#include "model/readout.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>
#include <vector>

namespace shijian::model {
namespace {

constexpr int64_t kHeadDim = 8, kHeads = 6, kKvHeads = 2, kKeys = 23, kRows = 5;

TEST(Readout, IsTheMeanAttentionOfTheLastRows) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> q(kRows * kHeads * kHeadDim), k(kKeys * kKvHeads * kHeadDim);
  for (float& value : q) value = normal(random);
  for (float& value : k) value = normal(random);
  ThreadPool pool(2);
  Readout readout;
  readout.heads = {{3, 4}, {2, 0}, {3, 1}};
  readout.rows = 3;
  readout.attention.resize(readout.heads.size());
  add_attention(pool,
                {3,
                 {q.data(), kRows, kHeads * kHeadDim},
                 {k.data(), kKeys, kKvHeads * kHeadDim},
                 kHeadDim,
                 kKvHeads,
                 3},
                readout);
  EXPECT_TRUE(readout.attention[1].empty());  // of another layer
  for (const size_t i : {size_t{0}, size_t{2}}) {
    const int64_t head = readout.heads[i].index;
    std::vector<double> expected(kKeys);
    for (int64_t row = kRows - 3; row < kRows; ++row) {
      const int64_t seen = kKeys - (kRows - 1 - row);
      std::vector<double> weight(seen);
      for (int64_t j = 0; j < seen; ++j) {
        double dot = 0;
        for (int64_t d = 0; d < kHeadDim; ++d) {
          dot += static_cast<double>(q[(row * kHeads + head) * kHeadDim + d]) *
                 k[(j * kKvHeads + head / 3) * kHeadDim + d];
        }
        weight[j] = std::exp(dot / std::sqrt(static_cast<double>(kHeadDim)));
      }
      const double sum = std::accumulate(weight.begin(), weight.end(), 0.0);
      for (int64_t j = 0; j < seen; ++j) expected[j] += weight[j] / sum / 3;
    }
    ASSERT_EQ(readout.attention[i].size(), expected.size());
    for (int64_t j = 0; j < kKeys; ++j) {
      EXPECT_NEAR(readout.attention[i][j], expected[j], 1e-6) << "head " << head << " key " << j;
    }
  }
}

}  // namespace
}  // namespace shijian::model
