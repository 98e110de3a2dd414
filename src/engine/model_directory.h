// Where a model lies, and what its shijian.json says about how to use it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "grounding/calibration.h"
#include "grounding/prompt.h"

namespace shijian::engine {

// `requested` when not empty, else $SHIJIAN_MODEL, else the first ./models/Qwen3-VL-* (by name),
// else the default model "nano" that ships beside the program (see data_directory).
// A named directory is returned as it is: opening it reports what is wrong with it.
// Error(kNotFound) when nothing is named and nano is not there.
std::filesystem::path find_model_directory(const std::string& requested);

// The folder that holds `models/nano`: $SHIJIAN_HOME, else the nearest folder above the program
// with models/nano in it, else ../share/shijian beside it. Empty when there is none.
std::filesystem::path data_directory();

// How a model was trained to be used, where that differs from what its own files say.
// shijian.json: {"prompt_style": "timelens", "clock": "window", "times": "slots",
//                "sampling": {"fps": 4, "frame_pixels": 16384, "min_frames": 4, "max_frames": 256,
//                             "window_seconds": 30}}
struct ModelProfile {
  std::optional<grounding::PromptStyle> prompt_style;
  std::optional<double> fps;
  std::optional<int64_t> frame_pixels;
  std::optional<int> min_frames;
  std::optional<int> max_frames;
  double window_seconds = 1800;  // longer videos are looked at in parts of so many
  // The model was trained on clips whose times begin at 0, so that a part of a video is shown to it
  // as such a clip ("clock": "window"); else its times are those of the whole file ("file").
  bool window_clock = false;
  bool slot_stamps = false;  // "times": "slots": the times it writes are stamps of slots
  bool explains = true;      // it can say why; "explains": false: it only names moments
};

// All empty when the directory has no shijian.json. Error(kInvalid) for a
// wrong one.
ModelProfile read_model_profile(const std::filesystem::path& directory);

// calibration.json, which `shijian calibrate` writes; empty where there is none. Error(kInvalid)
// for a wrong one.
std::optional<grounding::Calibration> read_calibration(const std::filesystem::path& directory);

// What to do about a wrong one.
Text calibrate_again();

// Tokens at the end of a prompt, at most, whose attention is read: all chat templates end with as
// many that are text.
inline constexpr int64_t kMostReadoutRows = 8;

}  // namespace shijian::engine
