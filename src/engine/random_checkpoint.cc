#include "engine/random_checkpoint.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <system_error>

#include "base/created_files.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/splitmix.h"
#include "checkpoint/config.h"
#include "checkpoint/safetensors.h"
#include "model/weights.h"
#include "tensor/tensor.h"

namespace shijian::engine {
namespace {

namespace fs = std::filesystem;

// The published sizes of the dense models.
struct KnownShape {
  const char* name;
  int hidden, layers, heads, ffn;
  bool tied;
  int vision_depth, vision_hidden, vision_ffn;
  std::array<int, 3> deepstack;
};
constexpr KnownShape kShapes[] = {
    {"2b", 2048, 28, 16, 6144, true, 24, 1024, 4096, {5, 11, 17}},
    {"4b", 2560, 36, 32, 9728, true, 24, 1024, 4096, {5, 11, 17}},
    {"8b", 4096, 36, 32, 12288, false, 27, 1152, 4304, {8, 16, 24}},
};

OrderedJson config_json(const KnownShape& shape) {
  const OrderedJson rope = {
      {"rope_type", "default"}, {"mrope_interleaved", true}, {"mrope_section", {24, 20, 20}}};
  return {{"architectures", {"Qwen3VLForConditionalGeneration"}},
          {"model_type", "qwen3_vl"},
          {"image_token_id", 151655},
          {"video_token_id", 151656},
          {"vision_start_token_id", 151652},
          {"vision_end_token_id", 151653},
          {"tie_word_embeddings", shape.tied},
          {"transformers_version", "4.57.6"},
          {"text_config",
           {{"model_type", "qwen3_vl_text"},
            {"hidden_size", shape.hidden},
            {"num_hidden_layers", shape.layers},
            {"num_attention_heads", shape.heads},
            {"num_key_value_heads", 8},
            {"head_dim", 128},
            {"intermediate_size", shape.ffn},
            {"vocab_size", 151936},
            {"hidden_act", "silu"},
            {"rms_norm_eps", 1e-6},
            {"rope_theta", 5000000},
            {"rope_scaling", rope},
            {"max_position_embeddings", 262144},
            {"attention_bias", false},
            {"bos_token_id", 151643},
            {"eos_token_id", 151645},
            {"tie_word_embeddings", shape.tied}}},
          {"vision_config",
           {{"model_type", "qwen3_vl"},
            {"depth", shape.vision_depth},
            {"hidden_size", shape.vision_hidden},
            {"num_heads", 16},
            {"intermediate_size", shape.vision_ffn},
            {"hidden_act", "gelu_pytorch_tanh"},
            {"patch_size", 16},
            {"temporal_patch_size", 2},
            {"spatial_merge_size", 2},
            {"in_channels", 3},
            {"num_position_embeddings", 2304},
            {"out_hidden_size", shape.hidden},
            {"deepstack_visual_indexes", shape.deepstack}}}};
}

OrderedJson processor_json(int64_t shortest, int64_t longest) {
  return {{"size", {{"shortest_edge", shortest}, {"longest_edge", longest}}},
          {"patch_size", 16},
          {"temporal_patch_size", 2},
          {"merge_size", 2},
          {"image_mean", {0.5, 0.5, 0.5}},
          {"image_std", {0.5, 0.5, 0.5}}};
}

uint16_t to_bf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>(bits >> 16);
}

// Uniform on +-0.035: a standard deviation of 0.02, as the models were initialised.
std::vector<uint16_t> noise(int64_t count, uint64_t seed, const std::stop_token& cancel) {
  std::vector<uint16_t> values(count);
  for (int64_t i = 0; i < count; ++i) {
    if (i % (1 << 20) == 0) throw_if_cancelled(cancel);
    const double unit =
        static_cast<double>(splitmix64(seed + static_cast<uint64_t>(i)) >> 40) * 0x1p-24;
    values[i] = to_bf16(static_cast<float>((unit - 0.5) * 0.07));
  }
  return values;
}

void write_weights(const checkpoint::ModelConfig& config, const fs::path& file, uint64_t seed,
                   const std::stop_token& cancel) {
  const std::vector<model::TensorSpec> specs = model::expected_tensors(config);
  int64_t largest = 0;
  for (const model::TensorSpec& spec : specs)
    largest = std::max(largest, tensor::element_count(spec.shape));
  // Every tensor is a window of one buffer of noise: distinct enough, and cheap to make.
  constexpr int64_t kSpread = 1 << 20;
  const std::vector<uint16_t> values = noise(largest + kSpread, seed, cancel);
  const std::vector<uint16_t> ones(1 << 16, to_bf16(1));
  std::map<std::string, tensor::TensorView> tensors;
  for (size_t i = 0; i < specs.size(); ++i) {
    const model::TensorSpec& spec = specs[i];
    const bool is_norm = spec.shape.size() == 1 && spec.name.ends_with("weight");
    const uint64_t offset = splitmix64(seed + i) % kSpread;
    tensors[spec.name] = {is_norm ? ones.data() : values.data() + offset, tensor::DType::kBF16,
                          spec.shape};
  }
  checkpoint::write_safetensors(file, tensors, {{"format", "pt"}}, cancel);
}

}  // namespace

std::vector<std::string> random_shape_names() {
  std::vector<std::string> names;
  for (const KnownShape& shape : kShapes) names.emplace_back(shape.name);
  return names;
}

void write_random_checkpoint(std::string_view name, const fs::path& directory, uint64_t seed,
                             const std::stop_token& cancel) {
  const auto* shape = std::find_if(std::begin(kShapes), std::end(kShapes),
                                   [&](const KnownShape& s) { return s.name == name; });
  if (shape == std::end(kShapes)) {
    throw Error(ErrorCode::kUsage, "random checkpoint: no shape '{}'"_text(name),
                "the shapes are 2b, 4b and 8b"_text);
  }
  CreatedFiles created;
  std::error_code error;
  if (!fs::is_directory(directory, error)) created.make_folder(directory);
  if (!fs::is_empty(directory, error)) {
    throw Error(ErrorCode::kUsage,
                "random checkpoint: {} is not an empty folder"_text(directory.string()),
                "name a new folder"_text);
  }
  const auto write = [&](const char* file, const std::string& content) {
    write_file_atomic(directory / file, content);
    created.add(directory / file);
  };
  const std::string config = config_json(*shape).dump(2);
  write("config.json", config);
  write("preprocessor_config.json", processor_json(65536, 16777216).dump(2));
  write("video_preprocessor_config.json", processor_json(4096, 25165824).dump(2));
  write_weights(checkpoint::parse_model_config(config, "config.json"),
                directory / "model.safetensors", seed, cancel);
  created.keep();
}

}  // namespace shijian::engine
