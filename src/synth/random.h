// A counter-based random number generator: value i of key k is a pure function of (k, i), the same
// on every machine. Everything that decides an annotation comes from here and from integers.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/splitmix.h"

namespace shijian::synth {

// Not thread-safe; cheap to make, so each clip and each purpose has its own.
class Random {
 public:
  explicit constexpr Random(uint64_t key) : key_(splitmix64(key)) {}
  // An independent generator for the named purpose or index.
  constexpr Random fork(uint64_t purpose) const { return Random(key_ ^ splitmix64(~purpose)); }

  constexpr uint32_t next() { return static_cast<uint32_t>(splitmix64(key_ + counter_++) >> 32); }
  // Uniform in [0, count); count must be at least 1.
  constexpr int below(int count) {
    return static_cast<int>((static_cast<uint64_t>(next()) * static_cast<uint32_t>(count)) >> 32);
  }
  // Uniform in [low, high], both included; `low` when the range is empty.
  constexpr int between(int low, int high) {
    return high <= low ? low : low + below(high - low + 1);
  }
  constexpr bool chance(int percent) { return below(100) < percent; }
  // For drawing only, never for annotations: uniform in [0, 1).
  constexpr double real() { return next() * 0x1p-32; }

  template <typename T>
  const T& pick(const std::vector<T>& items) {
    return items[below(static_cast<int>(items.size()))];
  }
  template <typename T>
  void shuffle(std::vector<T>& items) {
    for (int i = static_cast<int>(items.size()) - 1; i > 0; --i) {
      std::swap(items[i], items[below(i + 1)]);
    }
  }

 private:
  uint64_t key_;
  uint64_t counter_ = 0;
};

}  // namespace shijian::synth
