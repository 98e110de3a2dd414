#include "model/readout.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace shijian::model {
namespace {

// The softmax of one query over the keys that it sees, times `share`, is added to `sum`.
void add_row(const float* q, const ReadoutChunk& chunk, int64_t kv_head, int64_t keys, float share,
             std::vector<float>& scores, std::vector<float>& sum) {
  const auto scale = static_cast<float>(1 / std::sqrt(static_cast<double>(chunk.head_dim)));
  float largest = -INFINITY;
  for (int64_t j = 0; j < keys; ++j) {
    const float* k = chunk.k.row(j) + kv_head * chunk.head_dim;
    float dot = 0;
    for (int64_t i = 0; i < chunk.head_dim; ++i) dot += q[i] * k[i];
    scores[j] = dot * scale;
    largest = std::max(largest, scores[j]);
  }
  double total = 0;
  for (int64_t j = 0; j < keys; ++j) {
    scores[j] = std::exp(scores[j] - largest);
    total += scores[j];
  }
  const auto factor = static_cast<float>(share / total);
  for (int64_t j = 0; j < keys; ++j) sum[j] += scores[j] * factor;
}

}  // namespace

void add_attention(ThreadPool& pool, const ReadoutChunk& chunk, Readout& readout) {
  CHECK(readout.attention.size() == readout.heads.size() && readout.rows >= chunk.rows);
  const int64_t heads = chunk.q.cols / chunk.head_dim;
  const int64_t keys = chunk.k.rows;
  const float share = 1 / static_cast<float>(readout.rows);
  const auto add_head = [&](size_t i) {
    const Head& head = readout.heads[i];
    if (head.layer != chunk.layer) return;
    std::vector<float>& sum = readout.attention[i];
    sum.resize(static_cast<size_t>(keys));
    std::vector<float> scores(static_cast<size_t>(keys));
    const int64_t kv_head = head.index / (heads / chunk.kv_heads);
    for (int64_t row = chunk.q.rows - chunk.rows; row < chunk.q.rows; ++row) {
      const int64_t seen = keys - (chunk.q.rows - 1 - row);
      add_row(chunk.q.row(row) + head.index * chunk.head_dim, chunk, kv_head, seen, share, scores,
              sum);
    }
  };
  pool.parallel_for(static_cast<int64_t>(readout.heads.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) add_head(static_cast<size_t>(i));
  });
}

}  // namespace shijian::model
