// A fixed pool of worker threads for data-parallel loops.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace shijian {

// Runs loops over [0, count) on `threads` threads, the caller being one of them.
// One loop at a time: parallel_for from two threads at once, or from inside a body, is a bug.
// A body that throws stops the loop early; the first exception is rethrown to the caller.
class ThreadPool {
 public:
  // 0 means one thread for each core that this process may use.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const;

  // Calls body(begin, end) on disjoint pieces of at most `grain` items that cover [0, count).
  // Pieces begin at multiples of `grain` whatever the number of threads, so what a piece computes
  // never depends on it.
  void parallel_for(int64_t count, int64_t grain,
                    const std::function<void(int64_t begin, int64_t end)>& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Cores this process may run on (affinity mask), at least 1.
int available_cores();

}  // namespace shijian
