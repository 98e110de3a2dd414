// The mixture-of-experts MLP of a sparse decoder layer.
#pragma once

#include <cstdint>
#include <vector>

#include "base/threads.h"
#include "checkpoint/config.h"
#include "model/weights.h"
#include "tensor/tensor.h"

namespace shijian::model {

// Holds the workspace. One call at a time.
//
// Every row goes through its experts_per_token most probable experts (softmax over all of them;
// the lower index wins a tie); their outputs are weighted by the probabilities, which are scaled
// to sum 1 whatever norm_topk_prob says, as both references do. Each expert's weights are read
// once a call; a row's outputs are added in ascending order of experts, so a row's result does not
// depend on the rows beside it.
class SparseMlp {
 public:
  SparseMlp(const checkpoint::TextConfig& config, int64_t max_rows);

  // x: [rows <= max_rows, hidden]. The result has its shape and is valid until the next call.
  tensor::ConstMatrix run(ThreadPool& pool, const DecoderLayerWeights& layer,
                          tensor::ConstMatrix x);

  static int64_t workspace_bytes(const checkpoint::TextConfig& config, int64_t max_rows);

 private:
  struct Use {
    int32_t row;
    float weight;
  };
  void route(tensor::ConstMatrix probabilities);

  const checkpoint::MoeConfig moe_;
  tensor::Tensor router_;               // [max_rows, experts]
  tensor::Tensor input_;                // [max_rows, hidden]: the rows of one expert
  tensor::Tensor gate_up_;              // [max_rows, 2 * intermediate]
  tensor::Tensor output_;               // [max_rows, hidden]: what that expert makes of them
  tensor::Tensor sum_;                  // [max_rows, hidden]
  std::vector<std::vector<Use>> uses_;  // for each expert, rows ascending
  std::vector<int32_t> order_;          // [experts], scratch of route()
};

}  // namespace shijian::model
