// Records the stages of a run (pixels, features, hidden states, logits, ...) as named tensors.
//
// Stages: pixel_values.{i}; vision.embeddings, vision.deepstack.{k}; position_ids [3, n];
// rope.cos, rope.sin [n, head_dim / 2]; hidden.{layer} [n, hidden], after the DeepStack addition;
// logits [1, vocab]; tokens [generated].
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "model/positions.h"
#include "tensor/tensor.h"

namespace shijian {

// One user at a time. Rows of one stage may come in pieces, as chunks compute them.
class StageRecorder {
 public:
  // Appends rows to a stage. The width must stay the same.
  void add_rows(const std::string& stage, ConstMatrix rows);
  // Appends to the stage position_ids.
  void add_positions(const PositionIds& ids);
  // Sets a stage of integers.
  void set_ints(const std::string& stage, Shape shape, std::span<const int64_t> values);

  // What was recorded; views are valid until the next change.
  std::map<std::string, TensorView> tensors() const;
  // Everything as one safetensors file. Throws Error as write_safetensors does.
  void write(const std::filesystem::path& path) const;

 private:
  struct Rows {
    int64_t cols = 0;
    std::vector<float> values;  // [rows, cols]
  };
  struct Ints {
    Shape shape;
    std::vector<int64_t> values;
  };
  std::map<std::string, Rows> rows_;
  std::map<std::string, Ints> ints_;
  PositionIds positions_;
  mutable std::vector<int64_t> position_rows_;  // [3, n], made by tensors()
};

}  // namespace shijian
