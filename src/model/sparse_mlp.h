// The mixture-of-experts MLP of a sparse decoder layer.
#pragma once

#include <cstdint>
#include <vector>

#include "base/threads.h"
#include "checkpoint/config.h"
#include "model/weights.h"
#include "tensor/tensor.h"

namespace shijian {

// Holds the workspace. One call at a time.
//
// Every row goes through its experts_per_token most probable experts (softmax over all of them;
// the lower index wins a tie); their outputs are weighted by the probabilities, which are scaled
// to sum 1 whatever norm_topk_prob says, as both references do. Each expert's weights are read
// once a call; a row's outputs are added in ascending order of experts, so a row's result does not
// depend on the rows beside it.
class SparseMlp {
 public:
  SparseMlp(const TextConfig& config, int64_t max_rows);

  // x: [rows <= max_rows, hidden]. The result has its shape and is valid until the next call.
  ConstMatrix run(ThreadPool& pool, const DecoderLayerWeights& layer, ConstMatrix x);

  static int64_t workspace_bytes(const TextConfig& config, int64_t max_rows);

 private:
  struct Use {
    int32_t row;
    float weight;
  };
  void route(ConstMatrix probabilities);

  const MoeConfig moe_;
  Tensor router_;                       // [max_rows, experts]
  Tensor input_;                        // [max_rows, hidden]: the rows of one expert
  Tensor gate_up_;                      // [max_rows, 2 * intermediate]
  Tensor output_;                       // [max_rows, hidden]: what that expert makes of them
  Tensor sum_;                          // [max_rows, hidden]
  std::vector<std::vector<Use>> uses_;  // for each expert, rows ascending
  std::vector<int32_t> order_;          // [experts], scratch of route()
};

}  // namespace shijian
