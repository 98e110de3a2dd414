// SplitMix64 (Steele, Lea and Flood, 2014): numbers scattered over 64 bits, the same everywhere.
#pragma once

#include <cstdint>

namespace shijian {

inline constexpr uint64_t kSplitMixStep = 0x9e3779b97f4a7c15;  // from one state to the next

// The finaliser: a bijection that scatters neighbouring inputs; of 0 it is 0.
constexpr uint64_t scatter64(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// What the generator gives from state `x` on.
constexpr uint64_t splitmix64(uint64_t x) { return scatter64(x + kSplitMixStep); }

}  // namespace shijian
