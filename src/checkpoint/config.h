// What the JSON files of a checkpoint directory say, as plain structs, read in one place.
//
// Both eras are read: 4.57 (`rope_scaling`, rope_theta beside it) and 5.x (`rope_parameters`).
// A key that is absent takes the references' default where both agree on one; otherwise it is an
// error. Every number is checked: wrong type, not finite, not positive, absurdly large or not
// divisible where it has to be gives Error(kInvalid) naming the file and the key.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shijian::checkpoint {

enum class RopeType { kDefault, kYarn };

struct RopeConfig {
  double theta = 0;
  RopeType type = RopeType::kDefault;
  std::array<int64_t, 3> mrope_section{24, 20,
                                       20};  // frequencies of time, height, width; interleaved
  // YaRN alone:
  double factor = 1;
  int64_t original_max_position = 0;
  double beta_fast = 32;
  double beta_slow = 1;
  bool truncate = true;
  double attention_factor = 1;  // scales cos and sin; worked out as the references do when absent
};

struct MoeConfig {
  int64_t num_experts = 0;  // 0: a dense model
  int64_t experts_per_token = 0;
  int64_t intermediate_size = 0;
  bool norm_topk_prob = true;
  int64_t sparse_step = 1;               // layer i is sparse when (i + 1) % sparse_step == 0 ...
  std::vector<int64_t> mlp_only_layers;  // ... unless it is listed here
};

struct TextConfig {
  int64_t hidden_size = 0;
  int64_t num_layers = 0;
  int64_t num_heads = 0;
  int64_t num_kv_heads = 0;
  int64_t head_dim = 0;
  int64_t intermediate_size = 0;
  int64_t vocab_size = 0;
  double rms_norm_eps = 1e-6;
  int64_t max_position_embeddings = 0;
  bool tie_word_embeddings = false;
  RopeConfig rope;
  MoeConfig moe;

  bool is_sparse_layer(int64_t layer) const;  // its MLP is a mixture of experts
};

struct VisionConfig {
  int64_t depth = 0;
  int64_t hidden_size = 0;
  int64_t num_heads = 0;
  int64_t intermediate_size = 0;
  int64_t patch_size = 0;
  int64_t temporal_patch_size = 0;
  int64_t spatial_merge_size = 0;
  int64_t in_channels = 0;
  int64_t num_position_embeddings = 0;            // a square number: side * side learned positions
  int64_t position_side = 0;                      // that side
  int64_t out_hidden_size = 0;                    // equals the text's hidden_size
  std::vector<int64_t> deepstack_visual_indexes;  // ascending block indexes
  std::string hidden_act;                         // "gelu_pytorch_tanh"
};

struct ModelConfig {
  std::string model_type;            // "qwen3_vl" or "qwen3_vl_moe"
  std::string transformers_version;  // "" when the file does not say
  TextConfig text;
  VisionConfig vision;
  int32_t image_token_id = 0;
  int32_t video_token_id = 0;
  int32_t vision_start_token_id = 0;
  int32_t vision_end_token_id = 0;
  std::vector<int32_t> eos_token_ids;  // of config.json; generation_config.json's list comes first
  std::optional<int32_t> bos_token_id;
  std::optional<int32_t> pad_token_id;

  bool is_moe() const { return text.moe.num_experts > 0; }
};

// generation_config.json; defaults are the references'.
struct GenerationDefaults {
  bool do_sample = false;
  double temperature = 1;
  double top_p = 1;
  int64_t top_k = 50;
  double repetition_penalty = 1;
  std::optional<int64_t> max_new_tokens;
  std::vector<int32_t> eos_token_ids;  // empty when the file names none
  std::optional<int32_t> bos_token_id;
  std::optional<int32_t> pad_token_id;
};

// preprocessor_config.json, or `image_processor` of processor_config.json.
// Resampling is bicubic with antialias, always: another value is Error(kUnsupported).
struct ImageProcessorConfig {
  int64_t shortest_edge = 0;  // pixels of the whole image, at least
  int64_t longest_edge = 0;   // and at most
  int64_t patch_size = 0;
  int64_t temporal_patch_size = 0;
  int64_t merge_size = 0;
  bool do_rescale = true;
  bool do_normalize = true;
  double rescale_factor = 1.0 / 255;
  std::array<double, 3> mean{};  // red, green, blue
  std::array<double, 3> std{};
};

// video_preprocessor_config.json, or `video_processor` of processor_config.json.
// Here shortest_edge and longest_edge count the pixels of all frames together.
struct VideoProcessorConfig : ImageProcessorConfig {
  double fps = 2;
  int64_t min_frames = 4;
  int64_t max_frames = 768;
  std::optional<bool> cap_pixels_per_frame;  // 5.x; absent: the reference's version decides
  int64_t max_video_tokens = 768;            // tokens a frame may take under that cap
};

// Each reads the text of one file; `file` stands in messages. The two processor readers accept the
// file of their own or processor_config.json that holds both.
ModelConfig parse_model_config(std::string_view json, std::string_view file);
GenerationDefaults parse_generation_config(std::string_view json, std::string_view file);
ImageProcessorConfig parse_image_processor(std::string_view json, std::string_view file);
VideoProcessorConfig parse_video_processor(std::string_view json, std::string_view file);

}  // namespace shijian::checkpoint
