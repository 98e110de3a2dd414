// A checkpoint directory as Hugging Face lays it out: configuration, processors and weights.
//
// Weights stay in memory-mapped files; a tensor is read from disk when it is first touched.
// Which tensors a model needs, and in which shapes, is the model's business (model/).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/config.h"
#include "checkpoint/safetensors.h"

namespace shijian::checkpoint {

// Immutable after open(); safe to read from many threads. Views are valid while it lives, also
// after a move.
class Checkpoint {
 public:
  // Reads config.json, generation_config.json (optional), the image and video processors, and
  // maps model.safetensors or the shards of model.safetensors.index.json.
  // Throws Error: kNotFound for a missing directory or file, kInvalid for wrong content,
  // kUnsupported for an architecture or number format this build cannot run.
  static Checkpoint open(const std::filesystem::path& directory);

  const std::filesystem::path& directory() const { return directory_; }
  const ModelConfig& config() const { return config_; }
  // Its eos_token_ids fall back to config.json's.
  const GenerationDefaults& generation() const { return generation_; }
  const ImageProcessorConfig& image_processor() const { return image_processor_; }
  const VideoProcessorConfig& video_processor() const { return video_processor_; }

  std::vector<std::string> names() const;                       // sorted
  const tensor::TensorView* find(std::string_view name) const;  // null when absent
  const tensor::TensorView& tensor(
      std::string_view name) const;  // Error(kInvalid) naming it when absent

  uint64_t tensor_bytes() const { return tensor_bytes_; }
  const std::map<tensor::DType, uint64_t>& bytes_by_dtype() const { return bytes_by_dtype_; }
  const std::vector<SafetensorsFile>& files() const { return files_; }

  // 32 hexadecimal digits that differ when the configuration, the headers or the weights differ
  // (the weights by samples of each tensor); the same wherever the directory lies.
  const std::string& identity() const { return identity_; }

 private:
  Checkpoint() = default;

  std::filesystem::path directory_;
  ModelConfig config_;
  GenerationDefaults generation_;
  ImageProcessorConfig image_processor_;
  VideoProcessorConfig video_processor_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, tensor::TensorView, std::less<>> tensors_;
  uint64_t tensor_bytes_ = 0;
  std::map<tensor::DType, uint64_t> bytes_by_dtype_;
  std::string identity_;
};

}  // namespace shijian::checkpoint
