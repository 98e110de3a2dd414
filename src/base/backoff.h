// Pauses between the tries of a loop that meets a fault, such as a full disk, and goes on.
#pragma once

#include <chrono>
#include <stop_token>

namespace shijian {

// Doubles the pause with each failure in a row, up to a bound. For one thread.
class Backoff {
 public:
  using Duration = std::chrono::milliseconds;
  explicit Backoff(Duration first = std::chrono::milliseconds(100),
                   Duration longest = std::chrono::seconds(30))
      : first_(first), longest_(longest), next_(first) {}

  Duration next();  // how long to wait after one more failure
  void reset() { next_ = first_; }

 private:
  Duration first_, longest_, next_;
};

// Returns early, and false, when a stop is requested.
bool sleep_unless_stopped(const std::stop_token& stop, Backoff::Duration duration);

}  // namespace shijian
