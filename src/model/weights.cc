#include "model/weights.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "kernels/rows.h"

namespace shijian::model {

namespace {

// Where a tensor goes: a vector is converted to F32, the others are views.
using Target =
    std::variant<std::vector<float>*, kernels::WeightView*, tensor::TensorView*, PackedExperts*>;

// One line of a table: the name below the owner's prefix, the member it fills, its shape.
// For packed experts the shape is [experts, out, in].
template <typename Owner>
struct Row {
  const char* name;
  Target (*member)(Owner&);
  tensor::Shape (*shape)(const checkpoint::ModelConfig&);
};

using C = checkpoint::ModelConfig;

int64_t merged_width(const C& c) {
  return c.vision.spatial_merge_size * c.vision.spatial_merge_size * c.vision.hidden_size;
}
tensor::Shape vision_vector(const C& c) { return {c.vision.hidden_size}; }
tensor::Shape merged_vector(const C& c) { return {merged_width(c)}; }
tensor::Shape text_vector(const C& c) { return {c.text.hidden_size}; }
tensor::Shape head_vector(const C& c) { return {c.text.head_dim}; }

using V = VisionWeights;
constexpr Row<V> kVision[] = {
    {"patch_embed.proj.weight", [](V& w) -> Target { return &w.patch_embed.weight; },
     [](const C& c) -> tensor::Shape {
       return {c.vision.hidden_size, c.vision.in_channels, c.vision.temporal_patch_size,
               c.vision.patch_size, c.vision.patch_size};
     }},
    {"patch_embed.proj.bias", [](V& w) -> Target { return &w.patch_embed.bias; }, vision_vector},
    {"pos_embed.weight", [](V& w) -> Target { return &w.position_embed; },
     [](const C& c) -> tensor::Shape {
       return {c.vision.num_position_embeddings, c.vision.hidden_size};
     }},
};

using B = VisionBlockWeights;
constexpr Row<B> kVisionBlock[] = {
    {"norm1.weight", [](B& w) -> Target { return &w.norm1.weight; }, vision_vector},
    {"norm1.bias", [](B& w) -> Target { return &w.norm1.bias; }, vision_vector},
    {"attn.qkv.weight", [](B& w) -> Target { return &w.qkv.weight; },
     [](const C& c) -> tensor::Shape {
       return {3 * c.vision.hidden_size, c.vision.hidden_size};
     }},
    {"attn.qkv.bias", [](B& w) -> Target { return &w.qkv.bias; },
     [](const C& c) -> tensor::Shape { return {3 * c.vision.hidden_size}; }},
    {"attn.proj.weight", [](B& w) -> Target { return &w.proj.weight; },
     [](const C& c) -> tensor::Shape {
       return {c.vision.hidden_size, c.vision.hidden_size};
     }},
    {"attn.proj.bias", [](B& w) -> Target { return &w.proj.bias; }, vision_vector},
    {"norm2.weight", [](B& w) -> Target { return &w.norm2.weight; }, vision_vector},
    {"norm2.bias", [](B& w) -> Target { return &w.norm2.bias; }, vision_vector},
    {"mlp.linear_fc1.weight", [](B& w) -> Target { return &w.fc1.weight; },
     [](const C& c) -> tensor::Shape {
       return {c.vision.intermediate_size, c.vision.hidden_size};
     }},
    {"mlp.linear_fc1.bias", [](B& w) -> Target { return &w.fc1.bias; },
     [](const C& c) -> tensor::Shape { return {c.vision.intermediate_size}; }},
    {"mlp.linear_fc2.weight", [](B& w) -> Target { return &w.fc2.weight; },
     [](const C& c) -> tensor::Shape {
       return {c.vision.hidden_size, c.vision.intermediate_size};
     }},
    {"mlp.linear_fc2.bias", [](B& w) -> Target { return &w.fc2.bias; }, vision_vector},
};

using M = MergerWeights;
constexpr Row<M> kMainMergerNorm[] = {
    {"norm.weight", [](M& w) -> Target { return &w.norm.weight; }, vision_vector},
    {"norm.bias", [](M& w) -> Target { return &w.norm.bias; }, vision_vector},
};
constexpr Row<M> kDeepStackMergerNorm[] = {
    {"norm.weight", [](M& w) -> Target { return &w.norm.weight; }, merged_vector},
    {"norm.bias", [](M& w) -> Target { return &w.norm.bias; }, merged_vector},
};
constexpr Row<M> kMerger[] = {
    {"linear_fc1.weight", [](M& w) -> Target { return &w.fc1.weight; },
     [](const C& c) -> tensor::Shape {
       return {merged_width(c), merged_width(c)};
     }},
    {"linear_fc1.bias", [](M& w) -> Target { return &w.fc1.bias; }, merged_vector},
    {"linear_fc2.weight", [](M& w) -> Target { return &w.fc2.weight; },
     [](const C& c) -> tensor::Shape {
       return {c.vision.out_hidden_size, merged_width(c)};
     }},
    {"linear_fc2.bias", [](M& w) -> Target { return &w.fc2.bias; },
     [](const C& c) -> tensor::Shape { return {c.vision.out_hidden_size}; }},
};

using T = TextWeights;
tensor::Shape vocabulary(const C& c) { return {c.text.vocab_size, c.text.hidden_size}; }
constexpr Row<T> kText[] = {
    {"embed_tokens.weight", [](T& w) -> Target { return &w.embedding; }, vocabulary},
    {"norm.weight", [](T& w) -> Target { return &w.norm; }, text_vector},
};
constexpr Row<T> kHead[] = {
    {"lm_head.weight", [](T& w) -> Target { return &w.lm_head.weight; }, vocabulary},
};

using L = DecoderLayerWeights;
tensor::Shape queries(const C& c) {
  return {c.text.num_heads * c.text.head_dim, c.text.hidden_size};
}
tensor::Shape keys(const C& c) {
  return {c.text.num_kv_heads * c.text.head_dim, c.text.hidden_size};
}
tensor::Shape gate(const C& c) { return {c.text.intermediate_size, c.text.hidden_size}; }
constexpr Row<L> kDecoderLayer[] = {
    {"input_layernorm.weight", [](L& w) -> Target { return &w.input_norm; }, text_vector},
    {"self_attn.q_proj.weight", [](L& w) -> Target { return &w.q_proj.weight; }, queries},
    {"self_attn.k_proj.weight", [](L& w) -> Target { return &w.k_proj.weight; }, keys},
    {"self_attn.v_proj.weight", [](L& w) -> Target { return &w.v_proj.weight; }, keys},
    {"self_attn.o_proj.weight", [](L& w) -> Target { return &w.o_proj.weight; },
     [](const C& c) -> tensor::Shape {
       return {c.text.hidden_size, c.text.num_heads * c.text.head_dim};
     }},
    {"self_attn.q_norm.weight", [](L& w) -> Target { return &w.q_norm; }, head_vector},
    {"self_attn.k_norm.weight", [](L& w) -> Target { return &w.k_norm; }, head_vector},
    {"post_attention_layernorm.weight", [](L& w) -> Target { return &w.post_norm; }, text_vector},
};
constexpr Row<L> kDenseMlp[] = {
    {"mlp.gate_proj.weight", [](L& w) -> Target { return &w.gate_proj.weight; }, gate},
    {"mlp.up_proj.weight", [](L& w) -> Target { return &w.up_proj.weight; }, gate},
    {"mlp.down_proj.weight", [](L& w) -> Target { return &w.down_proj.weight; },
     [](const C& c) -> tensor::Shape {
       return {c.text.hidden_size, c.text.intermediate_size};
     }},
};
constexpr Row<L> kSparseMlp[] = {
    {"mlp.gate.weight", [](L& w) -> Target { return &w.router.weight; },
     [](const C& c) -> tensor::Shape {
       return {c.text.moe.num_experts, c.text.hidden_size};
     }},
    {"mlp.experts.gate_up_proj", [](L& w) -> Target { return &w.gate_up; },
     [](const C& c) -> tensor::Shape {
       return {c.text.moe.num_experts, 2 * c.text.moe.intermediate_size, c.text.hidden_size};
     }},
    {"mlp.experts.down_proj", [](L& w) -> Target { return &w.down; },
     [](const C& c) -> tensor::Shape {
       return {c.text.moe.num_experts, c.text.hidden_size, c.text.moe.intermediate_size};
     }},
};

kernels::WeightView matrix_view(const tensor::TensorView& tensor) {
  const int64_t rows = tensor.shape[0];
  const int64_t cols = tensor.elements() / rows;
  return {tensor.data, tensor.dtype, rows, cols, cols};
}

class Binder {
 public:
  explicit Binder(const checkpoint::Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  template <typename Owner, size_t N>
  void bind(const std::string& prefix, const Row<Owner> (&table)[N], Owner& owner) {
    for (const Row<Owner>& row : table)
      fill(row.member(owner), prefix + row.name, row.shape(checkpoint_.config()));
  }

  void check_surplus() const {
    for (const std::string& name : checkpoint_.names()) {
      if (!bound_.count(name))
        fail(name, "{} is no part of this model"_text(shape_of(name)),
             "config.json and the weights may come from different models"_text);
    }
  }

  void mark_bound(const std::string& name) { bound_.insert(name); }

  [[noreturn]] void fail(const std::string& name, const Text& what, const Text& hint) const {
    throw Error(ErrorCode::kInvalid,
                "load {}: tensor {}: {}"_text(checkpoint_.directory().string(), name, what), hint);
  }

 private:
  std::string shape_of(const std::string& name) const {
    return tensor::shape_string(checkpoint_.tensor(name).shape);
  }

  void fill(const Target& target, const std::string& name, const tensor::Shape& shape) {
    const tensor::TensorView* tensor = checkpoint_.find(name);
    if (!tensor)
      fail(name, "missing; expected shape {}"_text(tensor::shape_string(shape)),
           "the download may be incomplete"_text);
    if (tensor->dtype != tensor::DType::kF32 && tensor->dtype != tensor::DType::kF16 &&
        tensor->dtype != tensor::DType::kBF16)
      throw Error(ErrorCode::kUnsupported,
                  "load {}: tensor {} holds {}; expected F32, F16 or BF16"_text(
                      checkpoint_.directory().string(), name, tensor::dtype_name(tensor->dtype)),
                  "use a checkpoint in one of these types"_text);
    auto* const* experts = std::get_if<PackedExperts*>(&target);
    const tensor::Shape swapped = experts ? tensor::Shape{shape[0], shape[2], shape[1]} : shape;
    if (tensor->shape != shape && tensor->shape != swapped)
      fail(name,
           experts ? "shape {}, expected {} or {}"_text(tensor::shape_string(tensor->shape),
                                                        tensor::shape_string(shape),
                                                        tensor::shape_string(swapped))
                   : "shape {}, expected {}"_text(tensor::shape_string(tensor->shape),
                                                  tensor::shape_string(shape)),
           "config.json and the weights may come from different models"_text);
    bound_.insert(name);
    if (auto* const* vector = std::get_if<std::vector<float>*>(&target)) {
      (*vector)->resize(static_cast<size_t>(tensor->elements()));
      kernels::convert_to_f32(tensor->data, tensor->dtype, tensor->elements(), (*vector)->data());
    } else if (auto* const* view = std::get_if<kernels::WeightView*>(&target)) {
      **view = matrix_view(*tensor);
    } else if (auto* const* whole = std::get_if<tensor::TensorView*>(&target)) {
      **whole = *tensor;
    } else {
      (*experts)->weights = *tensor;
      (*experts)->transposed = tensor->shape != shape;
    }
  }

  const checkpoint::Checkpoint& checkpoint_;
  std::set<std::string, std::less<>> bound_;
};

// A square matrix fits both axis orders. The other one of the pair is never square then (that
// would need hidden = 2 * intermediate and hidden = intermediate), and a layer is written in one
// order, so the other one decides.
void settle_expert_order(DecoderLayerWeights& layer) {
  const auto square = [](const PackedExperts& e) {
    return e.weights.shape[1] == e.weights.shape[2];
  };
  if (square(layer.gate_up)) layer.gate_up.transposed = layer.down.transposed;
  if (square(layer.down)) layer.down.transposed = layer.gate_up.transposed;
}

// Collects what the tables ask for instead of binding it.
class Lister {
 public:
  explicit Lister(const checkpoint::ModelConfig& config) : config_(config) {}

  template <typename Owner, size_t N>
  void bind(const std::string& prefix, const Row<Owner> (&table)[N], Owner&) {
    for (const Row<Owner>& row : table) specs.push_back({prefix + row.name, row.shape(config_)});
  }

  std::vector<TensorSpec> specs;

 private:
  const checkpoint::ModelConfig& config_;
};

template <typename Sink>
void bind_vision(Sink& binder, const checkpoint::ModelConfig& config, VisionWeights& vision) {
  const std::string prefix = "model.visual.";
  binder.bind(prefix, kVision, vision);
  // Grown one by one: a config that lies about its depth fails at the first missing layer.
  for (int64_t i = 0; i < config.vision.depth; ++i)
    binder.bind(fmt::format("{}blocks.{}.", prefix, i), kVisionBlock, vision.blocks.emplace_back());
  binder.bind(prefix + "merger.", kMainMergerNorm, vision.merger);
  binder.bind(prefix + "merger.", kMerger, vision.merger);
  for (size_t i = 0; i < config.vision.deepstack_visual_indexes.size(); ++i) {
    const std::string name = fmt::format("{}deepstack_merger_list.{}.", prefix, i);
    MergerWeights& merger = vision.deepstack.emplace_back();
    binder.bind(name, kDeepStackMergerNorm, merger);
    binder.bind(name, kMerger, merger);
  }
}

template <typename Sink>
void bind_text(Sink& binder, const checkpoint::ModelConfig& config, TextWeights& text) {
  const std::string prefix = "model.language_model.";
  binder.bind(prefix, kText, text);
  for (int64_t i = 0; i < config.text.num_layers; ++i) {
    const std::string name = fmt::format("{}layers.{}.", prefix, i);
    DecoderLayerWeights& layer = text.layers.emplace_back();
    binder.bind(name, kDecoderLayer, layer);
    if (config.text.is_sparse_layer(i)) {
      binder.bind(name, kSparseMlp, layer);
    } else {
      binder.bind(name, kDenseMlp, layer);
    }
  }
  if (!config.text.tie_word_embeddings) binder.bind("", kHead, text);
}

// The head is the embedding; a saved one must equal it.
void tie_head(Binder& binder, const checkpoint::Checkpoint& checkpoint, TextWeights& text) {
  text.lm_head.weight = matrix_view(text.embedding);
  const char* head = "lm_head.weight";
  if (const tensor::TensorView* saved = checkpoint.find(head)) {
    if (saved->dtype != text.embedding.dtype || saved->shape != text.embedding.shape ||
        std::memcmp(saved->data, text.embedding.data, saved->bytes()) != 0)
      binder.fail(head, "differs from the embedding that tie_word_embeddings says it equals"_text,
                  "set tie_word_embeddings to false in config.json if the head is its own"_text);
    binder.mark_bound(head);
  }
}

}  // namespace

kernels::WeightView PackedExperts::expert(int64_t index) const {
  const int64_t rows = weights.shape[1];
  const int64_t cols = weights.shape[2];
  CHECK(index >= 0 && index < weights.shape[0]);
  const auto offset = static_cast<size_t>(index * rows * cols) * tensor::dtype_size(weights.dtype);
  return {static_cast<const std::byte*>(weights.data) + offset, weights.dtype, rows, cols, cols};
}

std::vector<TensorSpec> expected_tensors(const checkpoint::ModelConfig& config) {
  Lister lister(config);
  ModelWeights unused;
  bind_vision(lister, config, unused.vision);
  bind_text(lister, config, unused.text);
  return std::move(lister.specs);
}

ModelWeights bind_weights(const checkpoint::Checkpoint& checkpoint) {
  ModelWeights weights;
  Binder binder(checkpoint);
  bind_vision(binder, checkpoint.config(), weights.vision);
  bind_text(binder, checkpoint.config(), weights.text);
  for (DecoderLayerWeights& layer : weights.text.layers) {
    if (layer.sparse()) settle_expert_order(layer);
  }
  if (checkpoint.config().text.tie_word_embeddings) tie_head(binder, checkpoint, weights.text);
  binder.check_surplus();
  return weights;
}

}  // namespace shijian::model
