// What the machine can do at most, measured at the same moment as what we do.
#pragma once

#include "base/threads.h"

namespace shijian {

// Work done, by the clock on the wall and by the time that the process had a core. On a machine
// with other load the second is the one that says something; waiting for one another shows in the
// first.
class Stopwatch {
 public:
  Stopwatch();
  double wall_seconds() const;
  double core_seconds() const;

 private:
  double wall_, core_;
};

struct Rate {
  double wall = 0;  // per second
  double core = 0;  // per second and core
  // Keeps the best of each.
  void add(double work, const Stopwatch& watch);
};

// GFLOP/s of fused F32 multiply-adds on all threads of the pool with every operand in a register,
// with the widest instructions that the kernels use here. Runs for some milliseconds.
void measure_peak(ThreadPool& pool, Rate& best);

// GB/s at which the threads of the pool read `bytes` of memory at `data`.
void measure_bandwidth(ThreadPool& pool, const float* data, size_t bytes, Rate& best);

}  // namespace shijian
