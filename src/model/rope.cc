#include "model/rope.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace shijian::model {

namespace {

constexpr double kVisionTheta = 10000;

// base^(2i / dim), correctly rounded: the power of the rounded exponent.
std::vector<float> powers(double base, int64_t dim) {
  std::vector<float> result;
  for (int64_t i = 0; i < dim; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(dim);
    result.push_back(
        static_cast<float>(std::pow(static_cast<float>(base), static_cast<double>(exponent))));
  }
  return result;
}

// YaRN: frequencies that turn often within the original context stay, slow ones are divided by
// the factor, a linear ramp lies between.
std::vector<float> yarn_inv_freq(const checkpoint::RopeConfig& rope, int64_t dim) {
  const auto correction = [&](double rotations) {
    return static_cast<double>(dim) *
           std::log(static_cast<double>(rope.original_max_position) /
                    (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(rope.theta));
  };
  double low = correction(rope.beta_fast);
  double high = correction(rope.beta_slow);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(dim - 1));
  if (low == high) high += 0.001;
  std::vector<float> result = powers(rope.theta, dim);
  for (size_t i = 0; i < result.size(); ++i) {
    const float extrapolated = 1.0f / result[i];
    const float interpolated = 1.0f / (static_cast<float>(rope.factor) * result[i]);
    const float ramp = std::clamp(
        (static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low), 0.0f,
        1.0f);
    const float keep = 1.0f - ramp;
    result[i] = interpolated * (1.0f - keep) + extrapolated * keep;
  }
  return result;
}

}  // namespace

std::vector<float> rope_inv_freq(double base, int64_t dim) {
  std::vector<float> result = powers(base, dim);
  for (float& f : result) f = 1.0f / f;
  return result;
}

TextRope::TextRope(const checkpoint::TextConfig& config)
    : inv_freq_(config.rope.type == checkpoint::RopeType::kYarn
                    ? yarn_inv_freq(config.rope, config.head_dim)
                    : rope_inv_freq(config.rope.theta, config.head_dim)),
      axis_(inv_freq_.size(), 0),
      attention_factor_(config.rope.type == checkpoint::RopeType::kYarn
                            ? static_cast<float>(config.rope.attention_factor)
                            : 1.0f) {
  for (size_t i = 0; i < axis_.size(); ++i) {
    const size_t axis = i % 3;
    if (axis != 0 && static_cast<int64_t>(i) < 3 * config.rope.mrope_section[axis])
      axis_[i] = static_cast<uint8_t>(axis);
  }
}

void TextRope::tables(const PositionIds& ids, int64_t first, tensor::Matrix cos,
                      tensor::Matrix sin) const {
  CHECK(first >= 0 && first + cos.rows <= ids.size() && sin.rows == cos.rows &&
        cos.cols == angles() && sin.cols == angles());
  for (int64_t r = 0; r < cos.rows; ++r) {
    const auto at = static_cast<size_t>(first + r);
    const std::array<float, 3> position = {static_cast<float>(ids.time[at]),
                                           static_cast<float>(ids.row[at]),
                                           static_cast<float>(ids.col[at])};
    for (size_t i = 0; i < inv_freq_.size(); ++i) {
      const float angle = inv_freq_[i] * position[axis_[i]];
      cos.row(r)[i] = std::cos(angle) * attention_factor_;
      sin.row(r)[i] = std::sin(angle) * attention_factor_;
    }
  }
}

void vision_rope_tables(int64_t rows, int64_t cols, int64_t merge, int64_t head_dim,
                        tensor::Matrix cos, tensor::Matrix sin) {
  const std::vector<float> inv_freq = rope_inv_freq(kVisionTheta, head_dim / 2);
  const auto quarter = static_cast<int64_t>(inv_freq.size());
  CHECK(cos.rows == rows * cols && sin.rows == cos.rows && cos.cols == 2 * quarter &&
        sin.cols == cos.cols);
  int64_t patch = 0;
  for (int64_t block_row = 0; block_row < rows; block_row += merge) {
    for (int64_t block_col = 0; block_col < cols; block_col += merge) {
      for (int64_t inside = 0; inside < merge * merge; ++inside, ++patch) {
        const int64_t row_index = block_row + inside / merge;
        const int64_t col_index = block_col + inside % merge;
        const auto row = static_cast<float>(row_index), col = static_cast<float>(col_index);
        for (int64_t i = 0; i < quarter; ++i) {
          const float f = inv_freq[static_cast<size_t>(i)];
          cos.row(patch)[i] = std::cos(row * f);
          sin.row(patch)[i] = std::sin(row * f);
          cos.row(patch)[quarter + i] = std::cos(col * f);
          sin.row(patch)[quarter + i] = std::sin(col * f);
        }
      }
    }
  }
}

}  // namespace shijian::model
