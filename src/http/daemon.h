// libmicrohttpd's daemon and its callbacks: connections, requests, and the end of both.
//
// The library calls, on one of its two threads and in this order: on_connection (opened), then for
// each request on_request_line, on_request (the head; each piece of the body; the end, and again
// whenever the connection is resumed) and on_completed; at last on_connection (closed).
#pragma once

#include <microhttpd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "http/connection_watcher.h"
#include "http/request_reader.h"

namespace shijian::http {

class Daemon {
 public:
  explicit Daemon(ServerContext& context);

  // Serves the connections of `listener` and takes ownership of it. Throws Error(kUsage) when the
  // TLS certificate and key (PEM, or both empty) do not match. May be called only once.
  void start(Descriptor listener, const std::string& tls_certificate, const std::string& tls_key);
  // From any thread; nothing happens when it does not run.
  void stop(double seconds);
  HttpServer::Statistics statistics() const;

 private:
  struct Connection;
  struct RequestState;
  using Clock = std::chrono::steady_clock;

  static MHD_Result on_accept(void* self, const sockaddr* address, socklen_t size);
  static void on_connection(void* self, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode code);
  static void* on_request_line(void* self, const char* target, MHD_Connection* connection);
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url,
                               const char* method, const char* version, const char* piece,
                               size_t* size, void** context);
  static void on_completed(void* self, MHD_Connection* connection, void** context,
                           MHD_RequestTerminationCode code);
  static Connection& connection_of(MHD_Connection* connection);

  MHD_Result advance(MHD_Connection* connection, const char* method, const char* version,
                     const char* piece, size_t* size, RequestState& state);
  void log(const RequestState& state, const Connection& peer,
           const Exchange::Outcome& outcome) const;
  std::string next_id();
  Clock::time_point idle_deadline() const;
  bool wait_until_idle(double seconds);
  template <typename Act>
  void for_each_exchange(const Act& act);

  ServerContext& context_;
  std::mutex life_;  // one start, one stop at a time
  MHD_Daemon* daemon_ = nullptr;
  ConnectionWatcher watcher_;
  std::atomic<bool> abandoning_{false};  // no connection may wait any more
  size_t max_connections_ = 0;
  std::atomic<uint64_t> requests_{0}, errors_{0};
  const uint64_t id_seed_;

  std::mutex mutex_;
  std::condition_variable idle_;
  std::set<std::shared_ptr<Exchange>> active_;
};

}  // namespace shijian::http
