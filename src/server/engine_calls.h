// Queue of engine calls, such as chat answers, whose clients wait for the result. Unlike jobs they
// are not stored, and they end with the connection of their client.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>

#include "base/cancel.h"

namespace shijian::server {

struct EngineCall {
  std::string client;  // whose turn it is among those that wait
  std::stop_source cancel;
  std::function<void()> run;  // on the engine's thread; must not throw
};

// Thread-safe.
class EngineCalls {
 public:
  // At most `capacity` calls wait. `arrived` is called after each that was added.
  EngineCalls(size_t capacity, std::function<void()> arrived);

  // HttpError(429) when as many wait as may.
  void add(EngineCall call);

  bool waiting() const;
  // Waits for a call until then, or until a stop is requested; whether one waits.
  bool wait_until(std::chrono::steady_clock::time_point time, const std::stop_token& stop) const;
  // Runs the call whose turn it is: clients take turns, and each client's calls go in order. Calls
  // that were cancelled meanwhile are dropped. Nothing when none waits.
  void run_next();
  // Drops those that wait and cancels the one that runs.
  void stop();

 private:
  void drop_cancelled();  // under mutex_

  const size_t capacity_;
  const std::function<void()> arrived_;
  mutable std::mutex mutex_;
  mutable std::condition_variable_any added_;
  std::map<std::string, std::deque<EngineCall>> waiting_;  // by client; none of them empty
  std::string last_client_;
  std::stop_source running_;
};

}  // namespace shijian::server
