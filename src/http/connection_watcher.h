// Detects what libmicrohttpd does not: clients that disconnect while their connection is suspended
// or right after their last bytes, and clients that send so slowly that the idle timeout never
// fires.
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

// Watches all connections from one thread. The thread waits in epoll for hang-ups until the
// earliest deadline; it wakes every 100 ms while a client has disconnected and its connection is
// not closed yet. Thread-safe.
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
  // Closes the least valuable connection to admit a new one: one without a request, else one whose
  // request is incomplete; among equals the one with the earliest deadline. Returns false when no
  // connection qualifies.
  bool cut_one();

  // The connection is cut at `deadline`. Time::max(): it may take as long as it likes.
  void set_deadline(uint64_t connection, Time deadline);

  // Sets the exchange that is notified when the client closes the connection; null removes it.
  // Notifies the exchange at once when the client has closed the connection already.
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
  // Checks all connections and returns when to check again.
  Time check_connections(Time now);
  // Wakes the thread when it would check later than `deadline`. Requires mutex_.
  void wake_by(Time deadline);
  void wake() const;

  Descriptor epoll_;
  Descriptor wake_;  // an eventfd
  mutable std::mutex mutex_;
  std::unordered_map<uint64_t, Connection> connections_;
  uint64_t last_ = 0;
  Time next_check_ = Time::max();  // when the thread looks by itself, at the latest
  std::jthread thread_;
};

}  // namespace shijian::http
