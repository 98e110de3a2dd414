#include "video/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "base/error.h"

namespace shijian::video {
namespace {

// The filter of one axis: output i is the weighted sum of `count` inputs from `first`.
struct Axis {
  struct Span {
    int first;
    int count;
  };
  std::vector<Span> spans;       // [outputs]
  std::vector<int16_t> weights;  // [outputs, taps], even taps, padded with 0
  int taps = 0;
  int precision = 0;  // the weights are scaled by 1 << precision
};

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// Halves up, then towards zero, as the reference rounds.
int rounded(double value) {
  const double up = value + 0.5;
  return static_cast<int>(up);
}

Axis make_axis(int input, int output) {
  const double scale = static_cast<double>(input) / output;
  const double support = scale >= 1 ? 2 * scale : 2;
  const double inverse = scale >= 1 ? 1 / scale : 1;
  const int max_taps = static_cast<int>(std::ceil(support)) * 2 + 1;

  std::vector<double> exact(static_cast<size_t>(output) * max_taps);
  Axis axis;
  axis.spans.resize(output);
  double largest = 0;
  int widest = 0;
  for (int i = 0; i < output; ++i) {
    const double center = scale * (i + 0.5);
    const int first = std::max(rounded(center - support), 0);
    const int last = std::min(rounded(center + support), input);
    const int count = std::clamp(last - first, 0, max_taps);
    double* w = &exact[static_cast<size_t>(i) * max_taps];
    double total = 0;
    for (int k = 0; k < count; ++k) {
      w[k] = cubic((k + first - center + 0.5) * inverse);
      total += w[k];
    }
    for (int k = 0; k < count; ++k) {
      if (total != 0) w[k] /= total;
      largest = std::max(largest, w[k]);
    }
    axis.spans[i] = {first, count};
    widest = std::max(widest, count);
  }
  // As many fractional bits as keep the largest weight inside 16 bits.
  while (axis.precision < 22 && rounded(largest * (1 << (axis.precision + 1))) < (1 << 15)) {
    ++axis.precision;
  }
  axis.taps = (widest + 1) & ~1;
  axis.weights.assign(static_cast<size_t>(output) * axis.taps, 0);
  for (int i = 0; i < output; ++i) {
    for (int k = 0; k < axis.spans[i].count; ++k) {
      const double v = exact[static_cast<size_t>(i) * max_taps + k] * (1 << axis.precision);
      axis.weights[static_cast<size_t>(i) * axis.taps + k] =
          static_cast<int16_t>(v < 0 ? v - 0.5 : v + 0.5);
    }
  }
  return axis;
}

// Lanes that are computed together: rows in the horizontal pass, bytes of a row in the vertical.
constexpr int kLanes = 16;
using Bytes = uint8_t[kLanes];

// out[l] = clamp(sum over k of weights[k] * in[k][l]), for kLanes lanes of `count` samples that
// lie `step` bytes apart. Every partial sum fits 32 bits: the weights of one output sum to about
// 1 << precision, their magnitudes to less than twice that, and samples are below 256.
inline void weighted_sum(const uint8_t* in, int64_t step, const int16_t* weights, int count,
                         int precision, uint8_t* out) {
  int32_t sum[kLanes];
  for (int l = 0; l < kLanes; ++l) sum[l] = 1 << (precision - 1);
  for (int k = 0; k < count; ++k) {
    const int16_t w = weights[k];
    const uint8_t* p = in + k * step;
    for (int l = 0; l < kLanes; ++l) sum[l] += static_cast<int16_t>(p[l]) * w;
  }
  for (int l = 0; l < kLanes; ++l) {
    out[l] = static_cast<uint8_t>(std::clamp(sum[l] >> precision, 0, 255));
  }
}

// Rows [begin, end) of `in`, at most kLanes of them, to the same rows of `out`. The rows are
// turned into columns, so that neighbouring bytes are the same sample of different rows.
void horizontal_block(const ConstImage& in, const Image& out, const Axis& axis, int begin,
                      int end) {
  const int rows = end - begin;
  const int64_t in_bytes = int64_t{in.width} * 3;
  std::vector<uint8_t> columns(static_cast<size_t>(in_bytes) * kLanes, 0);
  for (int r = 0; r < rows; ++r) {
    const uint8_t* row = in.data + (begin + r) * in.stride;
    for (int64_t x = 0; x < in_bytes; ++x) columns[x * kLanes + r] = row[x];
  }
  uint8_t* out_rows = out.data + begin * out.stride;
  for (int x = 0; x < out.width; ++x) {
    const Axis::Span span = axis.spans[x];
    const int16_t* weights = &axis.weights[static_cast<size_t>(x) * axis.taps];
    for (int c = 0; c < 3; ++c) {
      Bytes result;
      weighted_sum(&columns[(int64_t{span.first} * 3 + c) * kLanes], int64_t{3} * kLanes, weights,
                   span.count, axis.precision, result);
      for (int r = 0; r < rows; ++r) out_rows[r * out.stride + x * 3 + c] = result[r];
    }
  }
}

void vertical_row(const ConstImage& in, uint8_t* out, const Axis& axis, int y) {
  const Axis::Span span = axis.spans[y];
  const int16_t* weights = &axis.weights[static_cast<size_t>(y) * axis.taps];
  const uint8_t* first = in.data + span.first * in.stride;
  const int64_t bytes = int64_t{in.width} * 3;
  int64_t x = 0;
  for (; x + kLanes <= bytes; x += kLanes) {
    weighted_sum(first + x, in.stride, weights, span.count, axis.precision, out + x);
  }
  for (; x < bytes; ++x) {
    int32_t sum = 1 << (axis.precision - 1);
    for (int k = 0; k < span.count; ++k) sum += first[k * in.stride + x] * weights[k];
    out[x] = static_cast<uint8_t>(std::clamp(sum >> axis.precision, 0, 255));
  }
}

}  // namespace

void resize_bicubic(const ConstImage& in, const Image& out, ThreadPool& pool) {
  CHECK(in.width >= 1 && in.height >= 1 && out.width >= 1 && out.height >= 1, "{}x{} to {}x{}",
        in.width, in.height, out.width, out.height);
  const bool horizontal = in.width != out.width;
  const bool vertical = in.height != out.height;
  if (!vertical && !horizontal) {
    for (int y = 0; y < in.height; ++y) {
      std::memcpy(out.data + y * out.stride, in.data + y * in.stride, size_t{3} * in.width);
    }
    return;
  }

  ConstImage middle = in;
  std::unique_ptr<uint8_t[]> scratch;
  if (horizontal) {
    Image target = out;
    if (vertical) {
      target = {nullptr, in.height, out.width, int64_t{out.width} * 3};
      scratch.reset(new uint8_t[static_cast<size_t>(target.stride) * target.height]);
      target.data = scratch.get();
    }
    const Axis axis = make_axis(in.width, out.width);
    pool.parallel_for(in.height, kLanes, [&](int64_t begin, int64_t end) {
      horizontal_block(in, target, axis, static_cast<int>(begin), static_cast<int>(end));
    });
    middle = target;
  }
  if (vertical) {
    const Axis axis = make_axis(in.height, out.height);
    pool.parallel_for(out.height, 8, [&](int64_t begin, int64_t end) {
      for (int64_t y = begin; y < end; ++y) {
        vertical_row(middle, out.data + y * out.stride, axis, static_cast<int>(y));
      }
    });
  }
}

}  // namespace shijian::video
