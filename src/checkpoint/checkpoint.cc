#include "checkpoint/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <span>
#include <system_error>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"

namespace shijian::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSingleFile = "model.safetensors";
constexpr std::string_view kIndexFile = "model.safetensors.index.json";
constexpr size_t kMaxJsonBytes = size_t{16} << 20;
constexpr size_t kMaxShards = 4096;
constexpr auto kOneModelHint =
    "all files of the directory have to be those of one model: download it again"_text;
constexpr auto kLayoutHint =
    "a checkpoint directory holds config.json, tokenizer.json, preprocessor_config.json and "
    "model.safetensors (or model.safetensors.index.json and its shards)"_text;

// The file's text, or nothing when there is no such file.
std::optional<std::string> read_optional(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(fs::symlink_status(path, ignored))) return std::nullopt;
  return read_file(path, kMaxJsonBytes);
}

bool is_gguf(const fs::path& path) { return path.extension() == ".gguf"; }

[[noreturn]] void refuse_gguf(const fs::path& path) {
  throw Error(
      ErrorCode::kUnsupported, "open checkpoint {}: GGUF files are not read"_text(path.string()),
      "use the model's safetensors in BF16, such as the repository Qwen/Qwen3-VL-4B-Instruct"_text);
}

void require_directory(const fs::path& directory) {
  std::error_code error;
  const fs::file_status status = fs::status(directory, error);
  if (status.type() == fs::file_type::not_found) {
    throw Error(ErrorCode::kNotFound,
                "open checkpoint {}: no such directory"_text(directory.string()), kLayoutHint);
  }
  if (error) {
    throw system_error("open checkpoint {}"_text(directory.string()), error.value());
  }
  if (status.type() != fs::file_type::directory) {
    if (is_gguf(directory)) refuse_gguf(directory);
    throw Error(ErrorCode::kInvalid,
                "open checkpoint {}: it is not a directory"_text(directory.string()),
                "name the directory that holds config.json, not one of its files"_text);
  }
  if (!fs::exists(directory / "config.json", error)) {
    if (error) throw system_error("open checkpoint {}"_text(directory.string()), error.value());
    for (const auto& entry : fs::directory_iterator(directory, error)) {
      if (is_gguf(entry.path())) refuse_gguf(entry.path());
    }
    throw Error(ErrorCode::kNotFound,
                "open checkpoint {}: it holds no config.json"_text(directory.string()),
                kLayoutHint);
  }
}

bool holds(const std::string& json, const fs::path& path, const char* key) {
  const Json root = parse_json(json, path.string());
  return root.is_object() && root.contains(key) && !root[key].is_null();
}

// Finds the JSON of one processor: its own file, or the one that holds both.
struct ProcessorFile {
  std::string json;
  std::string path;
};

ProcessorFile find_processor(const fs::path& directory, const char* key,
                             std::span<const char* const> own_files) {
  const fs::path both = directory / "processor_config.json";
  const auto json = read_optional(both);
  if (json && holds(*json, both, key)) return {*json, both.string()};
  for (const char* file : own_files) {
    const fs::path path = directory / file;
    if (auto own = read_optional(path)) return {std::move(*own), path.string()};
  }
  throw Error(ErrorCode::kNotFound,
              "open checkpoint {}: it holds no {}, nor a processor_config.json with {}"_text(
                  directory.string(), own_files.front(), key),
              "copy that file from the model's repository"_text);
}

// The vision encoder and the processors have to cut the same patches.
void check_processor(const ImageProcessorConfig& processor, const VisionConfig& vision,
                     const std::string& path) {
  const std::tuple<const char*, int64_t, int64_t> pairs[] = {
      {"patch_size", processor.patch_size, vision.patch_size},
      {"temporal_patch_size", processor.temporal_patch_size, vision.temporal_patch_size},
      {"merge_size", processor.merge_size, vision.spatial_merge_size}};
  for (const auto& [key, ours, models] : pairs) {
    if (ours != models) {
      throw Error(
          ErrorCode::kInvalid,
          "read {}: {} is {}, but config.json's vision_config has {}"_text(path, key, ours, models),
          kOneModelHint);
    }
  }
}

struct ShardIndex {
  std::vector<std::string> files;              // in order of name
  std::map<std::string, std::string> file_of;  // tensor -> file
};

// A shard is a plain file of the same directory: anything else could read outside of it.
bool is_plain_name(const std::string& name) {
  return name.size() > 12 && name.size() < 256 && name.ends_with(".safetensors") &&
         name.find('/') == std::string::npos && name.find('\\') == std::string::npos &&
         name.find('\0') == std::string::npos && name[0] != '.';
}

ShardIndex read_shard_index(const fs::path& path) {
  const Json root = parse_json(read_file(path, kMaxJsonBytes), path.string());
  const auto fail = [&](const Text& what) {
    throw Error(ErrorCode::kInvalid, "read {}: {}"_text(path.string(), what), kOneModelHint);
  };
  if (!root.is_object() || !root.contains("weight_map") || !root["weight_map"].is_object()) {
    fail("weight_map is missing or not an object"_text);
  }
  ShardIndex out;
  std::set<std::string> files;
  for (const auto& [tensor, file] : root["weight_map"].items()) {
    if (!file.is_string() || !is_plain_name(file.get<std::string>())) {
      fail(
          "tensor {} is mapped to {}, expected the name of a .safetensors file beside "
          "the index"_text(tensor, file.dump(-1, ' ', true, Json::error_handler_t::replace)));
    }
    files.insert(file.get<std::string>());
    out.file_of[tensor] = file.get<std::string>();
  }
  if (files.empty()) fail("weight_map is empty"_text);
  if (files.size() > kMaxShards) fail("more than {} shards"_text(kMaxShards));
  out.files.assign(files.begin(), files.end());
  return out;
}

// Opens the shards and holds the index and their contents against each other.
std::vector<SafetensorsFile> open_shards(const fs::path& directory) {
  const fs::path index_path = directory / kIndexFile;
  const ShardIndex index = read_shard_index(index_path);
  std::vector<SafetensorsFile> out;
  size_t found = 0;
  for (const std::string& file : index.files) {
    const fs::path path = directory / file;
    std::error_code ignored;
    if (!fs::exists(path, ignored)) {
      throw Error(ErrorCode::kNotFound,
                  "open checkpoint {}: shard {} is missing"_text(directory.string(), file),
                  "{} names {} shards; download them all"_text(kIndexFile, index.files.size()));
    }
    out.emplace_back(path);
    for (const SafetensorsEntry& entry : out.back().tensors()) {
      const auto mapped = index.file_of.find(entry.name);
      if (mapped == index.file_of.end() || mapped->second != file) {
        throw Error(ErrorCode::kInvalid,
                    mapped == index.file_of.end()
                        ? "read {}: tensor {} is in {}, but the index does not name it"_text(
                              index_path.string(), entry.name, file)
                        : "read {}: tensor {} is in {}, but the index says {}"_text(
                              index_path.string(), entry.name, file, mapped->second),
                    "index and shards come from different saves; download the model again"_text);
      }
      ++found;
    }
  }
  if (found != index.file_of.size()) {
    for (const auto& entry : index.file_of) {
      const auto& [tensor, file] = entry;
      const auto shard = std::find_if(out.begin(), out.end(), [&entry](const SafetensorsFile& f) {
        return f.path().filename() == entry.second;
      });
      if (shard->find(tensor) == nullptr) {
        throw Error(ErrorCode::kInvalid,
                    "read {}: tensor {} is not in {}"_text(index_path.string(), tensor, file),
                    "index and shards come from different saves; download the model again"_text);
      }
    }
  }
  return out;
}

std::vector<SafetensorsFile> open_weights(const fs::path& directory) {
  std::error_code ignored;
  if (fs::exists(directory / kSingleFile, ignored)) {
    std::vector<SafetensorsFile> out;
    out.emplace_back(directory / kSingleFile);
    return out;
  }
  if (fs::exists(directory / kIndexFile, ignored)) return open_shards(directory);
  throw Error(ErrorCode::kNotFound,
              "open checkpoint {}: it holds neither {} nor {}"_text(directory.string(), kSingleFile,
                                                                    kIndexFile),
              kLayoutHint);
}

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// A few elements of every tensor stand for all of them: two saves of one architecture that agree
// in all these places are the same weights.
void sample_weights(const SafetensorsFile& file, std::string& out) {
  constexpr size_t kSample = 64;
  for (const SafetensorsEntry& entry : file.tensors()) {
    const std::string_view bytes(static_cast<const char*>(entry.view.data), entry.view.bytes());
    for (size_t third : {size_t{0}, size_t{1}, size_t{2}}) {
      out += bytes.substr(bytes.size() / 3 * third, kSample);
    }
  }
}

}  // namespace

Checkpoint Checkpoint::open(const fs::path& directory) {
  require_directory(directory);
  Checkpoint out;
  out.directory_ = directory;
  const auto path_of = [&](const char* file) { return (directory / file).string(); };

  const std::string config = read_file(directory / "config.json", kMaxJsonBytes);
  out.config_ = parse_model_config(config, path_of("config.json"));
  const auto generation = read_optional(directory / "generation_config.json");
  if (generation) {
    out.generation_ = parse_generation_config(*generation, path_of("generation_config.json"));
  }
  if (out.generation_.eos_token_ids.empty()) {
    out.generation_.eos_token_ids = out.config_.eos_token_ids;
  }
  const std::array image_files{"preprocessor_config.json"};
  const ProcessorFile image = find_processor(directory, "image_processor", image_files);
  out.image_processor_ = parse_image_processor(image.json, image.path);
  check_processor(out.image_processor_, out.config_.vision, image.path);
  // The references fall back to the image processor's file, whose keys are the same.
  const std::array video_files{"video_preprocessor_config.json", "preprocessor_config.json"};
  const ProcessorFile video = find_processor(directory, "video_processor", video_files);
  out.video_processor_ = parse_video_processor(video.json, video.path);
  check_processor(out.video_processor_, out.config_.vision, video.path);

  out.files_ = open_weights(directory);
  std::string parts = content_hash(as_bytes(config));
  parts += content_hash(as_bytes(generation.value_or("")));
  parts += content_hash(as_bytes(image.json)) + content_hash(as_bytes(video.json));
  for (const SafetensorsFile& file : out.files_) {
    for (const SafetensorsEntry& entry : file.tensors()) {
      if (entry.view.dtype == tensor::DType::kF8E4M3 ||
          entry.view.dtype == tensor::DType::kF8E5M2) {
        throw Error(ErrorCode::kUnsupported,
                    "open checkpoint {}: tensor {} is {}"_text(
                        directory.string(), entry.name, tensor::dtype_name(entry.view.dtype)),
                    "use the BF16 checkpoint of this model instead of the FP8 one"_text);
      }
      out.tensors_.emplace(entry.name, entry.view);
      out.tensor_bytes_ += entry.view.bytes();
      out.bytes_by_dtype_[entry.view.dtype] += entry.view.bytes();
    }
    parts += content_hash(as_bytes(file.header_json()));
    sample_weights(file, parts);
  }
  out.identity_ = content_hash(as_bytes(parts));
  return out;
}

std::vector<std::string> Checkpoint::names() const {
  std::vector<std::string> out;
  out.reserve(tensors_.size());
  for (const auto& [name, view] : tensors_) out.push_back(name);
  return out;
}

const tensor::TensorView* Checkpoint::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

const tensor::TensorView& Checkpoint::tensor(std::string_view name) const {
  const tensor::TensorView* view = find(name);
  if (view == nullptr) {
    throw Error(ErrorCode::kInvalid,
                "open checkpoint {}: tensor {} is missing"_text(directory_.string(), name),
                kOneModelHint);
  }
  return *view;
}

}  // namespace shijian::checkpoint
