#include "engine/model_directory.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace shijian::engine {
namespace fs = std::filesystem;

namespace {

constexpr const char* kProfileHint =
    "mend it or delete it: without it the model is run as its family is";

bool has_nano(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "models" / "nano" / "config.json", ignored);
}

// A number of the profile within [low, high]; empty when the key is absent.
std::optional<double> number(const Json& object, const char* key, double low, double high,
                             const fs::path& file) {
  const auto found = object.find(key);
  if (found == object.end()) return std::nullopt;
  const double value = found->is_number() ? found->get<double>() : std::nan("");
  if (!(value >= low && value <= high)) {
    throw Error(ErrorCode::kInvalid,
                fmt::format("read {}: sampling.{} is {}, not a number from {} to {}", file.string(),
                            key, found->dump(), low, high),
                kProfileHint);
  }
  return value;
}

}  // namespace

fs::path data_directory() {
  if (const char* home = std::getenv("SHIJIAN_HOME"); home != nullptr && *home != '\0') return home;
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  for (fs::path folder = program.parent_path(); !folder.empty(); folder = folder.parent_path()) {
    if (has_nano(folder)) return folder;
    if (folder == folder.root_path()) break;
  }
  const fs::path shared = program.parent_path().parent_path() / "share" / "shijian";
  return has_nano(shared) ? shared : fs::path();
}

fs::path find_model_directory(const std::string& requested) {
  if (!requested.empty()) return requested;
  if (const char* named = std::getenv("SHIJIAN_MODEL"); named != nullptr && *named != '\0') {
    return named;
  }
  std::vector<fs::path> official;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("models", ignored)) {
    if (entry.path().filename().string().starts_with("Qwen3-VL-") && entry.is_directory(ignored)) {
      official.push_back(entry.path());
    }
  }
  if (!official.empty()) return *std::min_element(official.begin(), official.end());
  const fs::path data = data_directory();
  if (data.empty()) {
    throw Error(ErrorCode::kNotFound, "find a model: none is named and models/nano is not there",
                "name a checkpoint directory with --model or SHIJIAN_MODEL, or set SHIJIAN_HOME "
                "to the folder that holds models/nano");
  }
  return data / "models" / "nano";
}

ModelProfile read_model_profile(const fs::path& directory) {
  const fs::path file = directory / "shijian.json";
  std::error_code ignored;
  ModelProfile profile;
  if (!fs::exists(file, ignored)) return profile;
  const Json json = read_json_file(file);
  if (!json.is_object()) {
    throw Error(ErrorCode::kInvalid, fmt::format("read {}: not a JSON object", file.string()),
                kProfileHint);
  }
  if (const auto style = json.find("prompt_style"); style != json.end()) {
    try {
      profile.prompt_style =
          grounding::parse_prompt_style(style->is_string() ? style->get<std::string>() : "");
    } catch (const Error& error) {
      throw Error(ErrorCode::kInvalid, fmt::format("read {}: {}", file.string(), error.message()),
                  error.hint());
    }
  }
  if (const auto clock = json.find("clock"); clock != json.end()) {
    profile.window_clock = *clock == "window";
    if (!profile.window_clock && *clock != "file") {
      throw Error(ErrorCode::kInvalid,
                  fmt::format("read {}: clock is {}, not \"window\" or \"file\"", file.string(),
                              clock->dump()),
                  kProfileHint);
    }
  }
  if (const auto times = json.find("times"); times != json.end()) {
    if (*times != "slots" && *times != "seconds") {
      throw Error(ErrorCode::kInvalid,
                  fmt::format("read {}: times is neither slots nor seconds", file.string()),
                  kProfileHint);
    }
    profile.slot_stamps = *times == "slots";
  }
  const auto sampling = json.find("sampling");
  if (sampling == json.end()) return profile;
  if (!sampling->is_object()) {
    throw Error(ErrorCode::kInvalid,
                fmt::format("read {}: sampling is not an object", file.string()), kProfileHint);
  }
  profile.fps = number(*sampling, "fps", 0.001, 1000, file);
  if (const auto pixels = number(*sampling, "frame_pixels", 1024, 1e9, file)) {
    profile.frame_pixels = std::llround(*pixels);
  }
  if (const auto frames = number(*sampling, "min_frames", 1, 1e6, file)) {
    profile.min_frames = static_cast<int>(*frames);
  }
  if (const auto frames = number(*sampling, "max_frames", 1, 1e6, file)) {
    profile.max_frames = static_cast<int>(*frames);
  }
  return profile;
}

}  // namespace shijian::engine
