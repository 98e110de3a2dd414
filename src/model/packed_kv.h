// Keys and values in 8 bits, for keeping many prompts in memory: 9 bits a value in place of 32.
#pragma once

#include <cstdint>
#include <memory>

#include "base/threads.h"
#include "model/kv_cache.h"

namespace shijian::model {

// A copy of what a KvCache holds. Each 32 values of a row share a scale, the largest magnitude
// divided by 127, and are rounded to the nearest multiple of it (ties to even); a group with a
// value that is not finite comes back as values that are not finite. Packing what was unpacked
// changes nothing but the last bits of the scales. Movable, then constant.
class PackedKv {
 public:
  // Throws std::bad_alloc.
  PackedKv(ThreadPool& pool, KvCache& from);

  // Appends the first `tokens` of them to an empty cache of the same layers and width.
  void unpack(ThreadPool& pool, int64_t tokens, KvCache& to) const;

  // Bytes that `tokens` tokens take.
  static int64_t bytes_for(int64_t layers, int64_t width, int64_t tokens);

 private:
  template <typename Body>
  void each_group(ThreadPool& pool, int64_t tokens, KvCache& cache, const Body& body) const;

  int64_t planes_;
  int64_t width_;   // of a row
  int64_t groups_;  // of a row
  int64_t length_;
  std::unique_ptr<int8_t[]> codes_;  // [planes, length, width]
  std::unique_ptr<float[]> scales_;  // [planes, length, groups]
};

}  // namespace shijian::model
