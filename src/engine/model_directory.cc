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

constexpr auto kProfileHint =
    "mend it or delete it: without it the model is run as its family is"_text;

bool has_nano(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "models" / "nano" / "config.json", ignored);
}

[[noreturn]] void refuse(const Text& message) {
  throw Error(ErrorCode::kInvalid, message, kProfileHint);
}

// A number of the profile within [low, high]; empty when the key is absent.
std::optional<double> number(const Json& object, const char* key, double low, double high,
                             const fs::path& file) {
  const auto found = object.find(key);
  if (found == object.end()) return std::nullopt;
  const double value = found->is_number() ? found->get<double>() : std::nan("");
  if (!(value >= low && value <= high)) {
    refuse("read {}: sampling.{} is {}, not a number from {} to {}"_text(file.string(), key,
                                                                         found->dump(), low, high));
  }
  return value;
}

std::optional<int> count(const Json& object, const char* key, const fs::path& file) {
  const auto value = number(object, key, 1, 1e6, file);
  return value ? std::optional(static_cast<int>(*value)) : std::nullopt;
}

grounding::PromptStyle prompt_style(const Json& style, const fs::path& file) {
  try {
    return grounding::parse_prompt_style(style.is_string() ? style.get<std::string>() : "");
  } catch (const Error& error) {
    throw Error(ErrorCode::kInvalid, "read {}: {}"_text(file.string(), error.message_text()),
                error.hint_text());
  }
}

bool window_clock(const Json& clock, const fs::path& file) {
  if (clock != "window" && clock != "file") {
    refuse("read {}: clock is {}, not \"window\" or \"file\""_text(file.string(), clock.dump()));
  }
  return clock == "window";
}

bool slot_stamps(const Json& times, const fs::path& file) {
  if (times != "slots" && times != "seconds") {
    refuse("read {}: times is neither slots nor seconds"_text(file.string()));
  }
  return times == "slots";
}

bool explains(const Json& value, const fs::path& file) {
  if (!value.is_boolean())
    refuse("read {}: explains is neither true nor false"_text(file.string()));
  return value.get<bool>();
}

void read_sampling(const Json& sampling, const fs::path& file, ModelProfile& profile) {
  if (!sampling.is_object()) refuse("read {}: sampling is not an object"_text(file.string()));
  profile.fps = number(sampling, "fps", 0.001, 1000, file);
  if (const auto pixels = number(sampling, "frame_pixels", 1024, 1e9, file)) {
    profile.frame_pixels = std::llround(*pixels);
  }
  profile.min_frames = count(sampling, "min_frames", file);
  profile.max_frames = count(sampling, "max_frames", file);
  profile.window_seconds =
      number(sampling, "window_seconds", 1, 1e6, file).value_or(profile.window_seconds);
}

grounding::ReadoutHeads read_heads(const Json& json, const fs::path& file) {
  grounding::ReadoutHeads readout;
  const auto whole = [](const Json& value, int64_t least, int64_t most) {
    return value.is_number_integer() && value >= least && value <= most;
  };
  bool right = json.is_object() && json.contains("heads") && json["heads"].is_array() &&
               json.contains("rows") && whole(json["rows"], 1, kMostReadoutRows);
  if (right) {
    readout.rows = json["rows"];
    for (const Json& head : json["heads"]) {
      right = right && head.is_array() && head.size() == 2 && whole(head[0], 0, 1 << 20) &&
              whole(head[1], 0, 1 << 20);
      if (right) readout.heads.push_back({head[0], head[1]});
    }
  }
  if (!right) {
    throw Error(ErrorCode::kInvalid, "read {}: its readout names no heads"_text(file.string()),
                calibrate_again());
  }
  return readout;
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
    throw Error(ErrorCode::kNotFound,
                "find a model: none is named and models/nano is not there"_text,
                "name a checkpoint directory with --model or SHIJIAN_MODEL, or set SHIJIAN_HOME "
                "to the folder that holds models/nano"_text);
  }
  return data / "models" / "nano";
}

ModelProfile read_model_profile(const fs::path& directory) {
  const fs::path file = directory / "shijian.json";
  std::error_code ignored;
  ModelProfile profile;
  if (!fs::exists(file, ignored)) return profile;
  const Json json = read_json_file(file);
  if (!json.is_object()) refuse("read {}: not a JSON object"_text(file.string()));
  if (json.contains("prompt_style")) {
    profile.prompt_style = prompt_style(json["prompt_style"], file);
  }
  if (json.contains("clock")) profile.window_clock = window_clock(json["clock"], file);
  if (json.contains("times")) profile.slot_stamps = slot_stamps(json["times"], file);
  if (json.contains("explains")) profile.explains = explains(json["explains"], file);
  if (json.contains("sampling")) read_sampling(json["sampling"], file, profile);
  return profile;
}

Text calibrate_again() { return "make it again with shijian calibrate, or delete it"_text; }

// {"confidence": [w0, w1, w2, w3, w4, w5], "uncertainty": factor,
//  "readout": {"rows": tokens, "heads": [[layer, head], ...]}}, the last one where heads were
//  chosen
std::optional<grounding::Calibration> read_calibration(const fs::path& directory) {
  const fs::path file = directory / "calibration.json";
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return std::nullopt;
  const Json json = read_json_file(file);
  grounding::Calibration calibration;
  const auto finite = [](const Json& value) {
    return value.is_number() && std::abs(value.get<double>()) < 1e6;
  };
  const bool right = json.is_object() && json.contains("confidence") &&
                     json["confidence"].is_array() &&
                     json["confidence"].size() == calibration.weights.size() &&
                     std::all_of(json["confidence"].begin(), json["confidence"].end(), finite) &&
                     json.contains("uncertainty") && finite(json["uncertainty"]) &&
                     json["uncertainty"].get<double>() > 0;
  if (!right) {
    throw Error(ErrorCode::kInvalid, "read {}: it is no calibration"_text(file.string()),
                calibrate_again());
  }
  json["confidence"].get_to(calibration.weights);
  calibration.uncertainty = json["uncertainty"].get<double>();
  if (json.contains("readout")) calibration.readout = read_heads(json["readout"], file);
  return calibration;
}

}  // namespace shijian::engine
