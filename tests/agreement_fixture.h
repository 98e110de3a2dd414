// What the reference computed for the tiny checkpoints of tests/reference, and how to compare with
// it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "checkpoint/safetensors.h"
#include "tensor/tensor.h"

namespace shijian::agreement {

// tests/reference
std::filesystem::path reference_directory();

struct Medium {
  std::string file;  // in tests/reference/media
  bool is_image = false;
};

// One input, as inputs.json describes it.
struct Input {
  std::string name;
  OrderedJson messages;
  OrderedJson tools;   // null when there are none
  OrderedJson locate;  // {question, style} where `shijian locate` asks it; else null
  bool prompt_only = false;
  std::vector<Medium> media;
};
std::vector<Input> read_inputs();

// The fixtures of one checkpoint under one reference (4 or 5).
class Fixture {
 public:
  Fixture(std::string checkpoint, int reference);

  std::filesystem::path checkpoint_directory() const;

  // Of a medium: frames U8 [n, height, width, 3], indices I64 [n], times F64 [n].
  tensor::Tensor frames(const Medium& medium) const;
  std::span<const int64_t> frame_indices(const Medium& medium) const;
  std::span<const double> frame_times(const Medium& medium) const;
  // Its patches, F32 [patches, values of a patch].
  tensor::Tensor pixel_values(const Medium& medium) const;

  // Of an input.
  std::vector<int64_t> prompt_tokens(const Input& input) const;
  std::vector<int64_t> position_ids(const Input& input) const;  // [3 * tokens]
  std::vector<int64_t> tokens(const Input& input) const;        // the greedy answer
  std::vector<std::string> stages(const Input& input) const;    // those kept as samples

  // How far our values of a stage are from the reference's, as a share of the stage's largest
  // magnitude: the larger of the worst sample's difference and the difference of the RMS.
  // Infinite when the sizes differ or a value is not finite.
  double apart(const Input& input, const std::string& stage, std::span<const float> ours) const;

 private:
  std::string checkpoint_;
  std::string layout_;  // which prompts: "instruct", "thinking" or "capped"
  std::string sizes_;   // which pixels: "default" or "capped"
  checkpoint::SafetensorsFile frames_;
  checkpoint::SafetensorsFile pixels_;
  checkpoint::SafetensorsFile prompts_;
  checkpoint::SafetensorsFile samples_;
  Json notes_;
};

// Which elements of a flat stage of `count` values the fixtures keep.
std::vector<int64_t> sample_indices(int64_t count);

struct PixelDifference {
  double identical = 0;  // share of the values that are equal as 8-bit levels
  double levels = 0;     // the largest difference, in levels
};
PixelDifference compare_pixels(std::span<const float> ours, std::span<const float> theirs);

}  // namespace shijian::agreement
