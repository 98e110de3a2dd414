// The weights of a Qwen3-VL model, bound by name and shape to a checkpoint.
//
// Matrices stay views into the checkpoint's memory map in its own element type (F32, F16 or BF16);
// norms and biases become F32 here. The checkpoint must outlive the weights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "kernels/matmul.h"

namespace shijian::model {

struct Linear {
  kernels::WeightView weight;  // [out, in]
  std::vector<float> bias;     // [out], or empty

  const float* bias_data() const { return bias.empty() ? nullptr : bias.data(); }
};

struct LayerNormWeights {
  std::vector<float> weight;  // [width]
  std::vector<float> bias;    // [width]
};

struct VisionBlockWeights {
  LayerNormWeights norm1;  // width hidden
  Linear qkv;              // [3 * hidden, hidden]: queries, keys, values
  Linear proj;             // [hidden, hidden]
  LayerNormWeights norm2;  // width hidden
  Linear fc1;              // [intermediate, hidden]
  Linear fc2;              // [hidden, intermediate]
};

struct MergerWeights {
  LayerNormWeights norm;  // main: width hidden; DeepStack: width merge * merge * hidden
  Linear fc1;             // [merge * merge * hidden, merge * merge * hidden]
  Linear fc2;             // [out_hidden, merge * merge * hidden]
};

struct VisionWeights {
  Linear patch_embed;                 // [hidden, channels * temporal patch * patch * patch]
  tensor::TensorView position_embed;  // [positions, hidden]
  std::vector<VisionBlockWeights> blocks;
  MergerWeights merger;
  std::vector<MergerWeights> deepstack;  // one for each entry of deepstack_visual_indexes
};

// All experts of a layer in one tensor.
struct PackedExperts {
  tensor::TensorView weights;  // [experts, out, in], or [experts, in, out] when transposed
  bool transposed = false;

  // One expert's matrix: [out, in] for matmul, or [in, out] for matmul_transposed.
  kernels::WeightView expert(int64_t index) const;
};

struct DecoderLayerWeights {
  std::vector<float> input_norm;  // [hidden]
  Linear q_proj;                  // [heads * head_dim, hidden]
  Linear k_proj;                  // [kv_heads * head_dim, hidden]
  Linear v_proj;                  // [kv_heads * head_dim, hidden]
  Linear o_proj;                  // [hidden, heads * head_dim]
  std::vector<float> q_norm;      // [head_dim]
  std::vector<float> k_norm;      // [head_dim]
  std::vector<float> post_norm;   // [hidden]
  // A dense layer:
  Linear gate_proj;  // [intermediate, hidden]
  Linear up_proj;    // [intermediate, hidden]
  Linear down_proj;  // [hidden, intermediate]
  // A sparse layer, which is one whose router is not null:
  Linear router;          // [experts, hidden]
  PackedExperts gate_up;  // out = 2 * expert intermediate (gates, then ups), in = hidden
  PackedExperts down;     // out = hidden, in = expert intermediate

  bool sparse() const { return router.weight.data != nullptr; }
};

struct TextWeights {
  tensor::TensorView embedding;  // [vocab, hidden]
  std::vector<DecoderLayerWeights> layers;
  std::vector<float> norm;  // [hidden]
  Linear lm_head;           // [vocab, hidden]; the embedding's elements when tied
};

struct ModelWeights {
  VisionWeights vision;
  TextWeights text;
};

struct TensorSpec {
  std::string name;
  tensor::Shape shape;
};

// Every tensor that a checkpoint of this configuration holds; packed experts as [expert, out, in].
std::vector<TensorSpec> expected_tensors(const checkpoint::ModelConfig& config);

// Throws Error naming the directory, the tensor and the expected and actual shape or type:
// kInvalid for a missing, surplus or misshaped tensor and for a saved head that differs from the
// embedding it is tied to, kUnsupported for an element type other than F32, F16 and BF16.
ModelWeights bind_weights(const checkpoint::Checkpoint& checkpoint);

}  // namespace shijian::model
