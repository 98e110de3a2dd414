#include "model/stages.h"

#include <algorithm>
#include <utility>

#include "checkpoint/safetensors.h"

namespace shijian::model {

void StageRecorder::add_rows(const std::string& stage, tensor::ConstMatrix rows) {
  Rows& entry = rows_[stage];
  if (entry.cols == 0) entry.cols = rows.cols;
  CHECK(entry.cols == rows.cols, "stage {}: {} and {} columns", stage, entry.cols, rows.cols);
  for (int64_t i = 0; i < rows.rows; ++i)
    entry.values.insert(entry.values.end(), rows.row(i), rows.row(i) + rows.cols);
}

void StageRecorder::add_positions(const PositionIds& ids) {
  const auto append = [](std::vector<int32_t>& to, const std::vector<int32_t>& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  append(positions_.time, ids.time);
  append(positions_.row, ids.row);
  append(positions_.col, ids.col);
}

void StageRecorder::set(const std::string& stage, tensor::Tensor tensor) {
  whole_[stage] = std::move(tensor);
}

void StageRecorder::set_ints(const std::string& stage, std::span<const int64_t> values) {
  tensor::Tensor tensor(tensor::DType::kI64, {static_cast<int64_t>(values.size())});
  std::copy(values.begin(), values.end(), tensor.data<int64_t>());
  set(stage, std::move(tensor));
}

void StageRecorder::set_doubles(const std::string& stage, std::span<const double> values) {
  tensor::Tensor tensor(tensor::DType::kF64, {static_cast<int64_t>(values.size())});
  std::copy(values.begin(), values.end(), tensor.data<double>());
  set(stage, std::move(tensor));
}

std::map<std::string, tensor::TensorView> StageRecorder::tensors() const {
  std::map<std::string, tensor::TensorView> result;
  for (const auto& [name, entry] : rows_) {
    const auto rows = static_cast<int64_t>(entry.values.size()) / entry.cols;
    result[name] = {entry.values.data(), tensor::DType::kF32, {rows, entry.cols}};
  }
  for (const auto& [name, tensor] : whole_) result[name] = tensor.view();
  if (positions_.size() > 0) {
    position_rows_.clear();
    for (const auto* axis : {&positions_.time, &positions_.row, &positions_.col})
      position_rows_.insert(position_rows_.end(), axis->begin(), axis->end());
    result["position_ids"] = {position_rows_.data(), tensor::DType::kI64, {3, positions_.size()}};
  }
  return result;
}

void StageRecorder::write(OutputFile& file) const {
  checkpoint::write_safetensors(file, tensors());
}

}  // namespace shijian::model
