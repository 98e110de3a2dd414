#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/numerics.h"
#include "kernels/scalar.h"

namespace shijian::kernels::scalar {

void attention(const AttentionArgs& args, int64_t query, int64_t head) {
  const int64_t dim = args.head_dim;
  const int64_t kv_head = head / (args.heads / args.kv_heads);
  const int64_t seen = args.causal ? args.keys - args.queries + query + 1 : args.keys;
  const float* q = args.q + query * args.q_stride + head * dim;
  const float* k = args.k + kv_head * dim;
  const float* v = args.v + kv_head * dim;

  // Online softmax: `out` and `sum` are relative to exp(top), the largest score so far.
  float top = -std::numeric_limits<float>::infinity();
  float sum = 0;
  std::vector<float> out(dim, 0.0f);
  float p[kKeyBlock];
  for (int64_t begin = 0; begin < seen; begin += kKeyBlock) {
    const int64_t count = std::min(kKeyBlock, seen - begin);
    float new_top = top;
    for (int64_t j = 0; j < count; ++j) {
      float score = 0;
      for (int64_t d = 0; d < dim; ++d) {
        score = std::fma(q[d], k[(begin + j) * args.k_stride + d], score);
      }
      p[j] = score * args.scale;
      new_top = std::max(new_top, p[j]);
    }
    float lane[kLanes] = {};
    for (int64_t j = 0; j < count; ++j) {
      p[j] = exp_softmax(p[j] - new_top);
      lane[j % kLanes] += p[j];
    }
    for (int64_t half = kLanes / 2; half > 0; half /= 2) {
      for (int64_t l = 0; l < half; ++l) lane[l] += lane[l + half];
    }
    const float decay = exp_softmax(top - new_top);
    sum = std::fma(sum, decay, lane[0]);
    for (int64_t d = 0; d < dim; ++d) {
      float total = out[d] * decay;
      for (int64_t j = 0; j < count; ++j) {
        total = std::fma(p[j], v[(begin + j) * args.v_stride + d], total);
      }
      out[d] = total;
    }
    top = new_top;
  }
  float* target = args.out + query * args.out_stride + head * dim;
  const float inverse = 1.0f / sum;
  for (int64_t d = 0; d < dim; ++d) target[d] = out[d] * inverse;
}

}  // namespace shijian::kernels::scalar
