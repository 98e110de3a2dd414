#include "base/backoff.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace shijian {

Backoff::Duration Backoff::next() { return std::exchange(next_, std::min(2 * next_, longest_)); }

bool sleep_unless_stopped(const std::stop_token& stop, Backoff::Duration duration) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, duration, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace shijian
