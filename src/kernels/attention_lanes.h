// Attention, written once for every instruction set. Include after lanes_*.h.
#pragma once

#include "kernels/attention_table.h"
#include "kernels/in_order_lanes.h"
#include "kernels/math_lanes.h"

namespace shijian::kernels {
namespace {

constexpr float kMinusInfinity = -__builtin_inff();

// Rows of a block that go through the registers together.
constexpr int64_t kTileRows = kInOrderRows;

// Keys fetched into cache before they are needed.
constexpr int64_t kAhead = 48;

class AttentionRun {
 public:
  AttentionRun(const AttentionBlock& block, float* scratch)
      : b_(block), rows_(block.end - block.begin), dim_(block.head_dim) {
    padded_ = (dim_ + kLanes - 1) / kLanes * kLanes;
    keys_ = scratch;
    values_ = keys_ + padded_ * kKeyBlock;
    scores_ = values_ + padded_ * kKeyBlock;
    out_ = scores_ + kTileRows * kKeyBlock;
    top_ = out_ + rows_ * padded_;
    sum_ = top_ + rows_;
    queries_ = sum_ + rows_;
  }

  void run() {
    start();
    const int64_t seen_by_last = seen(rows_ - 1);
    for (int64_t key = 0; key < seen_by_last; key += kKeyBlock) {
      const int64_t count = seen_by_last - key < kKeyBlock ? seen_by_last - key : kKeyBlock;
      take_keys(key, count);
      const float* values = b_.v + key * b_.v_stride;
      int64_t values_stride = b_.v_stride;
      if (padded_ != dim_) {
        take_values(values, count);
        values = values_;
        values_stride = padded_;
      }
      for (int64_t row = 0; row < rows_; row += kTileRows) {
        tile(row, rows_ - row < kTileRows ? rows_ - row : kTileRows, key, values, values_stride);
      }
    }
    finish();
  }

 private:
  // Keys that a row sees: the first so many.
  int64_t seen(int64_t row) const {
    return b_.causal ? b_.keys - b_.queries + (b_.begin + row) / b_.group + 1 : b_.keys;
  }

  template <typename T>
  static T* row_of(T* base, int64_t stride, const AttentionBlock& b, int64_t row) {
    const int64_t r = b.begin + row;
    return base + r / b.group * stride + r % b.group * b.head_dim;
  }

  void start() {
    for (int64_t row = 0; row < rows_; ++row) {
      const float* q = row_of(b_.q, b_.q_stride, b_, row);
      for (int64_t d = 0; d < dim_; ++d) queries_[row * dim_ + d] = q[d];
      for (int64_t d = 0; d < padded_; d += kLanes) store(out_ + row * padded_ + d, zero());
      top_[row] = kMinusInfinity;
      sum_[row] = 0;
    }
  }

  // keys_[d, j] = key (key + j) [d]. Columns past `count`, to a multiple of 16, repeat the last
  // key.
  void take_keys(int64_t key, int64_t count) {
    const float* base = b_.k + key * b_.k_stride;
    const int64_t last = seen(rows_ - 1) - 1;
    for (int64_t j = 0; j < count; j += kLanes) {
      for (int64_t i = key + j; i < key + j + kLanes; ++i) {
        fetch_row(b_.k + (i + kAhead < last ? i + kAhead : last) * b_.k_stride);
        fetch_row(b_.v + (i < last ? i : last) * b_.v_stride);
      }
      const float* rows[kLanes];
      for (int64_t i = 0; i < kLanes; ++i) {
        rows[i] = base + (j + i < count ? j + i : count - 1) * b_.k_stride;
      }
      for (int64_t d = 0; d < dim_; d += kLanes) {
        transpose(rows, dim_ - d < kLanes ? dim_ - d : kLanes, keys_ + d * kKeyBlock + j,
                  kKeyBlock);
        for (int64_t i = 0; i < kLanes; ++i) rows[i] += kLanes;
      }
    }
  }

  // Rows of one key head lie far apart, often a page each, where the hardware fetches nothing
  // ahead.
  void fetch_row(const float* row) const {
    for (int64_t d = 0; d < dim_; d += kLanes) {
      _mm_prefetch(reinterpret_cast<const char*>(row + d), _MM_HINT_T1);
    }
  }

  // values_ = rows of v padded to a multiple of 16.
  void take_values(const float* from, int64_t count) {
    for (int64_t j = 0; j < count; ++j) {
      for (int64_t d = 0; d < dim_; d += kLanes) {
        const int64_t left = dim_ - d < kLanes ? dim_ - d : kLanes;
        store(values_ + j * padded_ + d, load_first(from + j * b_.v_stride + d, left));
      }
    }
  }

  // Turns a row's `count` scores into weights relative to its new top. Returns old top - new top.
  float weigh(int64_t row, float* scores, int64_t count) {
    const V scale = splat(b_.scale);
    const int64_t whole = count / kLanes * kLanes;
    const M rest = first(count - whole);
    V top = splat(top_[row]);
    int64_t j = 0;
    for (; j < whole; j += kLanes) {
      const V score = mul(load(scores + j), scale);
      store(scores + j, score);
      top = max(top, score);
    }
    if (j < count) {
      const V score = select(rest, mul(load(scores + j), scale), splat(kMinusInfinity));
      store(scores + j, score);
      top = max(top, score);
    }
    const float old_top = top_[row];
    top_[row] = fold_max(top);
    const V new_top = splat(top_[row]);
    V sum = zero();
    for (j = 0; j < whole; j += kLanes) {
      const V weight = exp_softmax(sub(load(scores + j), new_top));
      store(scores + j, weight);
      sum = add(sum, weight);
    }
    if (j < count) {
      const V weight = select(rest, exp_softmax(sub(load(scores + j), new_top)), zero());
      store(scores + j, weight);
      sum = add(sum, weight);
    }
    block_sum_[row % kTileRows] = fold_add(sum);
    return old_top - top_[row];
  }

  void tile(int64_t row, int64_t count, int64_t key, const float* values, int64_t values_stride) {
    for (; count > 0 && seen(row) <= key; ++row) --count;
    if (count == 0) return;
    // Keys of this block that each row sees; none sees fewer than the row before it.
    int64_t limits[kTileRows];
    for (int64_t i = 0; i < count; ++i) {
      const int64_t left = seen(row + i) - key;
      limits[i] = left < kKeyBlock ? left : kKeyBlock;
    }
    const int64_t most = (limits[count - 1] + kLanes - 1) / kLanes * kLanes;
    multiply_in_order(queries_ + row * dim_, dim_, keys_, kKeyBlock, count, most, dim_, nullptr,
                      false, scores_, kKeyBlock);
    alignas(64) float decay[kLanes] = {};
    for (int64_t i = 0; i < count; ++i)
      decay[i] = weigh(row + i, scores_ + i * kKeyBlock, limits[i]);
    store(decay, exp_softmax(load(decay)));
    for (int64_t i = 0; i < count; ++i) {
      sum_[row + i] = __builtin_fmaf(sum_[row + i], decay[i], block_sum_[(row + i) % kTileRows]);
    }
    float* out = out_ + row * padded_;
    multiply_in_order(scores_, kKeyBlock, values, values_stride, count, padded_, limits[0], decay,
                      false, out, padded_);
    // Keys that only later rows see. A weight of 0 would not do: the value may be infinite.
    for (int64_t i = 1; i < count; ++i) {
      const float one = 1;
      if (limits[i] == limits[0]) continue;
      multiply_in_order(scores_ + i * kKeyBlock + limits[0], kKeyBlock,
                        values + limits[0] * values_stride, values_stride, 1, padded_,
                        limits[i] - limits[0], &one, false, out + i * padded_, padded_);
    }
  }

  void finish() {
    for (int64_t row = 0; row < rows_; ++row) {
      float* target = row_of(b_.out, b_.out_stride, b_, row);
      const V inverse = splat(1.0f / sum_[row]);
      for (int64_t d = 0; d < dim_; d += kLanes) {
        const V value = mul(load(out_ + row * padded_ + d), inverse);
        store_first(target + d, value, dim_ - d < kLanes ? dim_ - d : kLanes);
      }
    }
  }

  const AttentionBlock& b_;
  const int64_t rows_;
  const int64_t dim_;
  int64_t padded_;  // dim_, a multiple of 16

  float* keys_;     // [dim, kKeyBlock]
  float* values_;   // [kKeyBlock, padded], where v itself will not do
  float* scores_;   // [kTileRows, kKeyBlock], scores and then weights
  float* out_;      // [rows, padded], relative to exp(top)
  float* top_;      // [rows], the largest score so far
  float* sum_;      // [rows], of weights, relative to exp(top)
  float* queries_;  // [rows, dim]
  float block_sum_[kTileRows];
};

}  // namespace
}  // namespace shijian::kernels
