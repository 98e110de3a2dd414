// Tests alone: a small checkpoint with random weights in a directory of its own.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "model/sampler.h"

namespace shijian::model {

// Fill in the sizes, call make() to get the tensors, change them at will, write(), then open
// directory(), which goes away with this object.
struct TinyCheckpoint {
  int64_t vocab = 40, hidden = 24, layers = 3, heads = 4, kv_heads = 2, head_dim = 12, ffn = 40;
  int64_t experts = 0, expert_ffn = 20, used = 2;  // experts > 0: sparse, layer 1 stays dense
  bool experts_in_out = false;                     // the axis order of 4.57-era files
  bool tied = true;
  bool bf16 = false;
  int64_t depth = 3, vision_hidden = 16, vision_heads = 2, vision_ffn = 20, positions = 9;
  std::string deepstack = "[0, 1]";
  int64_t deepstack_count = 2;

  struct Stored {
    tensor::Shape shape;
    std::vector<float> values;
  };
  std::map<std::string, Stored> tensors;

  TinyCheckpoint() {
    static std::atomic<int> number{0};
    directory_ = std::filesystem::temp_directory_path() /
                 fmt::format("shijian_tiny_{}_{}", getpid(), number++);
    std::filesystem::create_directories(directory_);
  }
  ~TinyCheckpoint() { std::filesystem::remove_all(directory_); }
  TinyCheckpoint(const TinyCheckpoint&) = delete;
  TinyCheckpoint& operator=(const TinyCheckpoint&) = delete;

  const std::filesystem::path& directory() const { return directory_; }

  void make() {
    const int64_t wide = 4 * vision_hidden;
    const std::string v = "model.visual.";
    linear(v + "patch_embed.proj", {vision_hidden, 3, 2, 4, 4});
    matrix(v + "pos_embed.weight", {positions, vision_hidden});
    for (int64_t i = 0; i < depth; ++i) {
      const std::string b = fmt::format("{}blocks.{}.", v, i);
      norm(b + "norm1", vision_hidden);
      norm(b + "norm2", vision_hidden);
      linear(b + "attn.qkv", {3 * vision_hidden, vision_hidden});
      linear(b + "attn.proj", {vision_hidden, vision_hidden});
      linear(b + "mlp.linear_fc1", {vision_ffn, vision_hidden});
      linear(b + "mlp.linear_fc2", {vision_hidden, vision_ffn});
    }
    for (int64_t i = -1; i < deepstack_count; ++i) {
      const std::string m =
          i < 0 ? v + "merger." : fmt::format("{}deepstack_merger_list.{}.", v, i);
      norm(m + "norm", i < 0 ? vision_hidden : wide);
      linear(m + "linear_fc1", {wide, wide});
      linear(m + "linear_fc2", {hidden, wide});
    }
    const std::string t = "model.language_model.";
    matrix(t + "embed_tokens.weight", {vocab, hidden});
    vector(t + "norm.weight", hidden, 1);
    if (!tied) matrix("lm_head.weight", {vocab, hidden});
    for (int64_t i = 0; i < layers; ++i) {
      const std::string l = fmt::format("{}layers.{}.", t, i);
      vector(l + "input_layernorm.weight", hidden, 1);
      vector(l + "post_attention_layernorm.weight", hidden, 1);
      vector(l + "self_attn.q_norm.weight", head_dim, 1);
      vector(l + "self_attn.k_norm.weight", head_dim, 1);
      matrix(l + "self_attn.q_proj.weight", {heads * head_dim, hidden});
      matrix(l + "self_attn.k_proj.weight", {kv_heads * head_dim, hidden});
      matrix(l + "self_attn.v_proj.weight", {kv_heads * head_dim, hidden});
      matrix(l + "self_attn.o_proj.weight", {hidden, heads * head_dim});
      if (experts > 0 && i != 1) {
        matrix(l + "mlp.gate.weight", {experts, hidden});
        packed(l + "mlp.experts.gate_up_proj", 2 * expert_ffn, hidden);
        packed(l + "mlp.experts.down_proj", hidden, expert_ffn);
      } else {
        matrix(l + "mlp.gate_proj.weight", {ffn, hidden});
        matrix(l + "mlp.up_proj.weight", {ffn, hidden});
        matrix(l + "mlp.down_proj.weight", {hidden, ffn});
      }
    }
  }

  void write() const {
    const std::string moe = experts == 0
                                ? ""
                                : fmt::format(R"("num_experts": {}, "num_experts_per_tok": {},
                         "moe_intermediate_size": {}, "mlp_only_layers": [1],
                         "norm_topk_prob": true, "decoder_sparse_step": 1,)",
                                              experts, used, expert_ffn);
    write_file_atomic(
        directory_ / "config.json",
        fmt::format(R"({{"model_type": "{}", "transformers_version": "4.57.0",
          "image_token_id": 5, "video_token_id": 6, "vision_start_token_id": 2,
          "vision_end_token_id": 3, "tie_word_embeddings": {},
          "text_config": {{{} "tie_word_embeddings": {}, "vocab_size": {}, "hidden_size": {}, "num_hidden_layers": {},
            "num_attention_heads": {}, "num_key_value_heads": {}, "head_dim": {},
            "intermediate_size": {}, "rms_norm_eps": 1e-6, "max_position_embeddings": 4096,
            "eos_token_id": 7, "rope_theta": 10000, "hidden_act": "silu",
            "rope_scaling": {{"rope_type": "default", "mrope_section": [2, 2, 2]}}}},
          "vision_config": {{"depth": {}, "hidden_size": {}, "num_heads": {},
            "intermediate_size": {}, "num_position_embeddings": {}, "out_hidden_size": {},
            "patch_size": 4, "deepstack_visual_indexes": {}}}}})",
                    experts > 0 ? "qwen3_vl_moe" : "qwen3_vl", tied, moe, tied, vocab, hidden,
                    layers, heads, kv_heads, head_dim, ffn, depth, vision_hidden, vision_heads,
                    vision_ffn, positions, hidden, deepstack));
    for (const char* name : {"preprocessor_config.json", "video_preprocessor_config.json"})
      write_file_atomic(directory_ / name,
                        R"({"size": {"shortest_edge": 64, "longest_edge": 65536},
                            "patch_size": 4, "temporal_patch_size": 2, "merge_size": 2})");
    std::map<std::string, std::vector<uint16_t>> halves;
    std::map<std::string, tensor::TensorView> views;
    for (const auto& [name, stored] : tensors) {
      views[name] = {stored.values.data(), tensor::DType::kF32, stored.shape};
      if (!bf16) continue;
      auto& half = halves[name];
      for (float value : stored.values)
        half.push_back(static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16));
      views[name] = {half.data(), tensor::DType::kBF16, stored.shape};
    }
    checkpoint::write_safetensors(directory_ / "model.safetensors", views);
  }

 private:
  void fill(const std::string& name, const tensor::Shape& shape, float middle, float spread) {
    Stored& stored = tensors[name];
    stored.shape = shape;
    for (int64_t i = 0; i < tensor::element_count(shape); ++i)
      stored.values.push_back(middle +
                              spread * static_cast<float>(2 * uniform_at(7, drawn_++) - 1));
  }
  void matrix(const std::string& name, tensor::Shape shape) {
    const int64_t inputs = tensor::element_count(shape) / shape[0];
    fill(name, shape, 0, 1.7f / std::sqrt(static_cast<float>(inputs)));
  }
  void vector(const std::string& name, int64_t width, float middle) {
    fill(name, {width}, middle, 0.3f);
  }
  void linear(const std::string& name, tensor::Shape shape) {
    matrix(name + ".weight", shape);
    vector(name + ".bias", shape[0], 0);
  }
  void norm(const std::string& name, int64_t width) {
    vector(name + ".weight", width, 1);
    vector(name + ".bias", width, 0);
  }
  void packed(const std::string& name, int64_t out, int64_t in) {
    fill(name, experts_in_out ? tensor::Shape{experts, in, out} : tensor::Shape{experts, out, in},
         0, 1.7f / std::sqrt(static_cast<float>(in)));
  }

  std::filesystem::path directory_;
  uint64_t drawn_ = 0;
};

}  // namespace shijian::model
