// Records the stages of a run (pixels, features, hidden states, logits, ...) as named tensors.
//
// Stages: for each video or image i of the request frames.{i} [n, height, width, 3] (as decoded,
// before the resize), frame_indices.{i} [n], frame_times.{i} [n], pixel_values.{i};
// vision.embeddings, vision.deepstack.{k}; position_ids [3, n]; rope.cos, rope.sin [n, head_dim /
// 2]; hidden.{layer} [n, hidden], after the DeepStack addition; logits [1, vocab]; prompt_tokens
// [n]; tokens [generated, the stop token included].
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "model/positions.h"
#include "tensor/tensor.h"

namespace shijian::model {

// One user at a time. Rows of one stage may come in pieces, as chunks compute them.
class StageRecorder {
 public:
  // Appends rows to a stage. The width must stay the same.
  void add_rows(const std::string& stage, tensor::ConstMatrix rows);
  // Appends to the stage position_ids.
  void add_positions(const PositionIds& ids);
  // Sets a whole stage; the recorder owns it from now on.
  void set(const std::string& stage, tensor::Tensor tensor);
  void set_ints(const std::string& stage, std::span<const int64_t> values);    // [n]
  void set_doubles(const std::string& stage, std::span<const double> values);  // [n]

  // What was recorded; views are valid until the next change.
  std::map<std::string, tensor::TensorView> tensors() const;
  // Everything as one safetensors file. Throws Error as write_safetensors does.
  void write(OutputFile& file) const;

 private:
  struct Rows {
    int64_t cols = 0;
    std::vector<float> values;  // [rows, cols]
  };
  std::map<std::string, Rows> rows_;
  std::map<std::string, tensor::Tensor> whole_;
  PositionIds positions_;
  mutable std::vector<int64_t> position_rows_;  // [3, n], made by tensors()
};

}  // namespace shijian::model
