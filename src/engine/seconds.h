// Seconds of work, for what an answer says of its timing.
#pragma once

#include <chrono>

namespace shijian::engine {

using Clock = std::chrono::steady_clock;

inline double seconds_between(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

inline double seconds_since(Clock::time_point start) {
  return seconds_between(start, Clock::now());
}

}  // namespace shijian::engine
