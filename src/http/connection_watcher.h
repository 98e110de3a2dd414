// Looks after what libmicrohttpd does not: clients that leave while their connection is suspended
// or right behind their last bytes, and clients that send so slowly that each byte comes just in
// time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <unordered_map>

#include "base/descriptor.h"
#include "http/exchange.h"

namespace shijian::http {

// Thread-safe. Its one thread sleeps in epoll on the hang-ups of all connections, until the first
// of their deadlines or, while a connection was left by its client and is not closed, after 100 ms.
class ConnectionWatcher {
 public:
  using Time = std::chrono::steady_clock::time_point;

  ConnectionWatcher();
  ConnectionWatcher(const ConnectionWatcher&) = delete;
  ConnectionWatcher& operator=(const ConnectionWatcher&) = delete;

  // `deadline`: when the first request's head has to be complete.
  uint64_t opened(int socket, Time deadline);
  void closed(uint64_t connection);  // before its socket is
  size_t size() const;

  // Whether a request of the connection is on its way.
  void set_busy(uint64_t connection, bool busy);
  // Cuts the connection that has the least to lose, to make room: one without a request, then one
  // whose request has not come whole; of those the one that would be cut first. False: there is
  // none.
  bool cut_one();

  // The connection is cut at `deadline`. Time::max(): it may take as long as it likes.
  void set_deadline(uint64_t connection, Time deadline);

  // From now on `exchange` hears when the client closes; null: nobody any more. An exchange that
  // comes too late for that hears at once.
  void set_exchange(uint64_t connection, std::shared_ptr<Exchange> exchange);

 private:
  struct Connection {
    int socket = -1;
    Time deadline;
    bool left = false;
    bool busy = false;
    std::shared_ptr<Exchange> exchange;
  };
  void run(const std::stop_token& stop);
  void note_left(uint64_t connection);
  Time look(Time now);              // at all connections; when to look again
  void be_awake_at(Time deadline);  // under mutex_
  void wake() const;

  Descriptor epoll_;
  Descriptor wake_;  // an eventfd
  mutable std::mutex mutex_;
  std::unordered_map<uint64_t, Connection> connections_;
  uint64_t last_ = 0;
  Time awake_at_ = Time::max();  // when the thread looks by itself, at the latest
  std::jthread thread_;
};

}  // namespace shijian::http
