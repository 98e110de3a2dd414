#include "model/sparse_mlp.h"

#include <algorithm>
#include <numeric>

#include "kernels/rows.h"

namespace shijian::model {

SparseMlp::SparseMlp(const checkpoint::TextConfig& config, int64_t max_rows)
    : moe_(config.moe),
      router_(tensor::DType::kF32, {max_rows, moe_.num_experts}),
      input_(tensor::DType::kF32, {max_rows, config.hidden_size}),
      gate_up_(tensor::DType::kF32, {max_rows, 2 * moe_.intermediate_size}),
      output_(tensor::DType::kF32, {max_rows, config.hidden_size}),
      sum_(tensor::DType::kF32, {max_rows, config.hidden_size}),
      uses_(static_cast<size_t>(moe_.num_experts)),
      order_(static_cast<size_t>(moe_.num_experts)) {}

int64_t SparseMlp::workspace_bytes(const checkpoint::TextConfig& config, int64_t max_rows) {
  return 4 * max_rows *
         (config.moe.num_experts + 3 * config.hidden_size + 2 * config.moe.intermediate_size);
}

void SparseMlp::route(tensor::ConstMatrix probabilities) {
  for (std::vector<Use>& uses : uses_) uses.clear();
  for (int64_t row = 0; row < probabilities.rows; ++row) {
    const float* p = probabilities.row(row);
    std::iota(order_.begin(), order_.end(), 0);
    const auto chosen = order_.begin() + moe_.experts_per_token;
    std::partial_sort(order_.begin(), chosen, order_.end(),
                      [p](int32_t a, int32_t b) { return p[a] != p[b] ? p[a] > p[b] : a < b; });
    float sum = 0;
    for (auto e = order_.begin(); e != chosen; ++e) sum += p[*e];
    for (auto e = order_.begin(); e != chosen; ++e)
      uses_[static_cast<size_t>(*e)].push_back({static_cast<int32_t>(row), p[*e] / sum});
  }
}

tensor::ConstMatrix SparseMlp::run(ThreadPool& pool, const DecoderLayerWeights& layer,
                                   tensor::ConstMatrix x) {
  CHECK(x.rows <= router_.dim(0));
  const tensor::Matrix router(router_.data<float>(), x.rows, moe_.num_experts);
  kernels::matmul(pool, x, layer.router.weight, nullptr, router);
  kernels::softmax(pool, router);
  route(router);

  const tensor::Matrix out(sum_.data<float>(), x.rows, x.cols);
  std::fill_n(out.data, x.rows * x.cols, 0.0f);
  const auto product = [&pool](tensor::ConstMatrix in, const PackedExperts& experts, int64_t e,
                               tensor::Matrix y) {
    if (experts.transposed)
      kernels::matmul_transposed(pool, in, experts.expert(e), y);
    else
      kernels::matmul(pool, in, experts.expert(e), nullptr, y);
  };
  for (int64_t e = 0; e < moe_.num_experts; ++e) {
    const std::vector<Use>& uses = uses_[static_cast<size_t>(e)];
    if (uses.empty()) continue;
    const auto count = static_cast<int64_t>(uses.size());
    const tensor::Matrix input(input_.data<float>(), count, x.cols);
    for (int64_t i = 0; i < count; ++i)
      std::copy_n(x.row(uses[static_cast<size_t>(i)].row), x.cols, input.row(i));
    const int64_t width = moe_.intermediate_size;
    const tensor::Matrix gate_up(gate_up_.data<float>(), count, 2 * width);
    product(input, layer.gate_up, e, gate_up);
    const tensor::Matrix gate(gate_up.data, count, width, gate_up.stride);
    kernels::silu_mul(pool, gate, {gate_up.data + width, count, width, gate_up.stride});
    const tensor::Matrix output(output_.data<float>(), count, x.cols);
    product(gate, layer.down, e, output);
    for (int64_t i = 0; i < count; ++i) {
      const Use use = uses[static_cast<size_t>(i)];
      for (int64_t j = 0; j < x.cols; ++j) out.row(use.row)[j] += output.row(i)[j] * use.weight;
    }
  }
  return out;
}

}  // namespace shijian::model
