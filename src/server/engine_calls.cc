#include "server/engine_calls.h"

#include <utility>
#include <vector>

#include "http/server.h"

namespace shijian::server {

EngineCalls::EngineCalls(size_t capacity, std::function<void()> arrived)
    : capacity_(capacity), arrived_(std::move(arrived)) {}

void EngineCalls::add(EngineCall call) {
  {
    const std::lock_guard lock(mutex_);
    drop_cancelled();
    size_t count = 0;
    for (const auto& [client, calls] : waiting_) count += calls.size();
    if (count >= capacity_) {
      throw http::HttpError(429, "{} calls wait for the model already"_text(count),
                            "try again when some have been answered"_text, 1);
    }
    waiting_[call.client].push_back(std::move(call));
  }
  added_.notify_all();
  arrived_();
}

bool EngineCalls::waiting() const {
  const std::lock_guard lock(mutex_);
  return !waiting_.empty();
}

bool EngineCalls::wait_until(std::chrono::steady_clock::time_point time,
                             const std::stop_token& stop) const {
  std::unique_lock lock(mutex_);
  return added_.wait_until(lock, stop, time, [this] { return !waiting_.empty(); });
}

void EngineCalls::run_next() {
  EngineCall call;
  {
    const std::lock_guard lock(mutex_);
    drop_cancelled();
    if (waiting_.empty()) return;
    auto turn = waiting_.upper_bound(last_client_);
    if (turn == waiting_.end()) turn = waiting_.begin();
    last_client_ = turn->first;
    call = std::move(turn->second.front());
    turn->second.pop_front();
    if (turn->second.empty()) waiting_.erase(turn);
    running_ = call.cancel;
  }
  call.run();
}

void EngineCalls::stop() {
  std::map<std::string, std::deque<EngineCall>> dropped;  // what they own goes after the lock
  const std::stop_source running = [&] {
    const std::lock_guard lock(mutex_);
    dropped.swap(waiting_);
    return running_;
  }();
  running.request_stop();  // calls back whoever waits for it
}

void EngineCalls::drop_cancelled() {
  for (auto client = waiting_.begin(); client != waiting_.end();) {
    std::erase_if(client->second,
                  [](const EngineCall& call) { return call.cancel.get_token().stop_requested(); });
    client = client->second.empty() ? waiting_.erase(client) : std::next(client);
  }
}

}  // namespace shijian::server
