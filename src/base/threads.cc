#include "base/threads.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/cancellable_loops.h"
#include "base/error.h"

namespace shijian {

namespace {

// How long a thread looks for the next loop, or for the end of this one, before it sleeps. Decoding
// one token runs hundreds of loops some tens of microseconds apart; waking a sleeper costs as much
// as many of them take.
constexpr auto kSpin = std::chrono::microseconds(30);

void pause_core() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Waits briefly until done() and returns whether it is.
template <typename Done>
bool spin_until(const Done& done) {
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      pause_core();
    }
  } while (std::chrono::steady_clock::now() < end);
  return done();
}

}  // namespace

struct ThreadPool::State {
  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable idle;
  std::atomic<uint64_t> generation{0};  // counts loops; a change calls the workers
  std::atomic<int> inside{0};           // workers that take part in the current loop
  bool open = false;                    // whether a worker may still join it
  int sleeping = 0;                     // workers that only `wake` can call
  bool stopping = false;

  // The current loop. Written under the mutex before it opens.
  const std::function<void(int64_t, int64_t)>* body = nullptr;
  int64_t count = 0;
  int64_t grain = 1;
  std::stop_token cancel;
  std::atomic<int64_t> next{0};
  std::exception_ptr failure;
  std::atomic<bool> busy{false};

  std::vector<std::thread> workers;

  void work() {
    for (;;) {
      const int64_t begin = next.fetch_add(grain, std::memory_order_relaxed);
      if (begin >= count) return;
      try {
        throw_if_cancelled(cancel);
        (*body)(begin, std::min(begin + grain, count));
      } catch (...) {
        std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        next.store(count, std::memory_order_relaxed);
        return;
      }
    }
  }

  void worker_main() {
    uint64_t seen = 0;
    for (;;) {
      spin_until([&] { return generation.load(std::memory_order_acquire) != seen; });
      {
        std::unique_lock lock(mutex);
        ++sleeping;
        wake.wait(lock, [&] { return stopping || generation.load() != seen; });
        --sleeping;
        if (stopping) return;
        seen = generation.load();
        if (!open) continue;  // came too late: the others have done it
        ++inside;
      }
      work();
      if (inside.fetch_sub(1) == 1) {
        std::lock_guard lock(mutex);
        idle.notify_one();
      }
    }
  }

  ~State() {
    {
      std::lock_guard lock(mutex);
      stopping = true;
    }
    wake.notify_all();
    for (auto& worker : workers) worker.join();
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  if (threads <= 0) threads = available_cores();
  state_->workers.reserve(threads - 1);
  for (int i = 1; i < threads; ++i) {
    try {
      state_->workers.emplace_back([state = state_.get()] { state->worker_main(); });
    } catch (const std::system_error& error) {
      throw system_error("start {}"_text("thread {} of {}"_text(i + 1, threads)),
                         error.code().value());
    }
  }
}

ThreadPool::~ThreadPool() = default;

int ThreadPool::size() const { return static_cast<int>(state_->workers.size()) + 1; }

void ThreadPool::parallel_for(int64_t count, int64_t grain,
                              const std::function<void(int64_t, int64_t)>& body) {
  if (count <= 0) return;
  CHECK(grain > 0, "grain {}", grain);
  State& s = *state_;
  const std::stop_token cancel = CancellableLoops::current();
  if (count <= grain || s.workers.empty()) {
    for (int64_t begin = 0; begin < count; begin += grain) {
      throw_if_cancelled(cancel);
      body(begin, std::min(begin + grain, count));
    }
    return;
  }
  CHECK(!s.busy.exchange(true), "parallel_for inside parallel_for");
  bool call = false;
  {
    std::lock_guard lock(s.mutex);
    s.body = &body;
    s.count = count;
    s.grain = grain;
    s.cancel = cancel;
    s.next.store(0, std::memory_order_relaxed);
    s.failure = nullptr;
    s.open = true;
    s.generation.fetch_add(1, std::memory_order_release);
    call = s.sleeping > 0;
  }
  if (call) s.wake.notify_all();
  s.work();
  // Nothing is left to take. Workers that have not joined by now need not, so that a loop never
  // waits for one that the system has not got round to waking.
  {
    std::lock_guard lock(s.mutex);
    s.open = false;
  }
  const auto finished = [&s] { return s.inside.load(std::memory_order_acquire) == 0; };
  if (!spin_until(finished)) {
    std::unique_lock lock(s.mutex);
    s.idle.wait(lock, finished);
  }
  std::exception_ptr failure = std::exchange(s.failure, nullptr);
  s.busy.store(false);
  if (failure) std::rethrow_exception(failure);
}

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

}  // namespace shijian
