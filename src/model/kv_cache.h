// Keys and values of the tokens that the decoder has seen, for every layer, in F32.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace shijian::model {

// Address space for `capacity` tokens is reserved at once and memory is touched only as tokens
// arrive, so that a large capacity costs nothing until used. Movable; one user at a time.
class KvCache {
 public:
  // width = key/value heads * head_dim. Throws Error(kNoMemory) when the address space cannot be
  // had, Error(kUsage) when the sizes are not positive or overflow.
  KvCache(int64_t layers, int64_t width, int64_t capacity);
  ~KvCache();
  KvCache(KvCache&& other) noexcept;
  KvCache& operator=(KvCache&& other) noexcept;
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  int64_t layers() const { return layers_; }
  int64_t width() const { return width_; }
  int64_t capacity() const { return capacity_; }
  int64_t length() const { return length_; }  // tokens held

  // Rows [first, first + rows) of a layer's keys or values: [rows, width], within the capacity.
  tensor::Matrix keys(int64_t layer, int64_t first, int64_t rows);
  tensor::Matrix values(int64_t layer, int64_t first, int64_t rows);
  // The same by plane: a layer's keys are plane 2 * layer, its values the one after.
  int64_t planes() const { return layers_ * 2; }
  tensor::Matrix plane(int64_t plane, int64_t first, int64_t rows);

  // Makes rows written past the end part of the cache. Throws Error(kUsage) past the capacity.
  void extend(int64_t tokens);
  // Forgets every token after the first `length` (<= length()); their memory goes back.
  void truncate(int64_t length);

  // Bytes that `tokens` tokens take.
  static int64_t bytes_for(int64_t layers, int64_t width, int64_t tokens);

 private:
  void release();

  float* data_ = nullptr;  // [planes(), plane_stride_]
  int64_t layers_ = 0;
  int64_t width_ = 0;
  int64_t capacity_ = 0;
  int64_t length_ = 0;
  int64_t plane_stride_ = 0;  // floats from plane to plane: whole pages
};

}  // namespace shijian::model
