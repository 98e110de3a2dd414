// One request on its way in: what is refused, what is read, who handles it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "http/exchange.h"
#include "http/limits.h"
#include "http/request.h"
#include "http/router.h"
#include "http/sessions.h"
#include "http/upload_work.h"

namespace shijian::http {

// What all requests of a server share.
struct ServerContext {
  const HttpOptions& options;
  std::vector<std::string> hosts;  // names that a Host header may carry
  Router router;
  RateLimiter limiter;
  Sessions sessions;
  std::atomic<bool> stopping{false};
};

// Used from the connection's thread, in the order of the functions.
class RequestReader {
 public:
  RequestReader(ServerContext& context, std::shared_ptr<Exchange> exchange);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  // `address` is the client's. After this, and the exchange's work, the request is accepted or has
  // its answer; body() and dispatch() too wait for the exchange's work.
  void begin(const RequestHead& head, const std::string& address);
  // Returns, after begin(), whether the answer is sent without reading the body, which closes the
  // connection: the body is too long to discard, the client waits for "100 Continue", or the length
  // of the body is unknown.
  bool answers_at_once() const;
  // Reads a piece of the body. Returns false when enough of a refused body was discarded: the
  // caller then writes the answer to the socket itself and closes the connection.
  bool body(std::span<const std::byte> bytes);
  // The body is complete: calls the handler, once, unless the request was refused.
  void dispatch();

  const Route* route() const { return route_; }    // null when refused before it was known
  uint64_t received() const { return received_; }  // bytes of the body

 private:
  void accept(const RequestHead& head, const std::string& address);
  int key() const;
  uint64_t body_limit() const;  // of an accepted request
  bool refused() const { return refused_ || (upload_ && upload_->refused()); }
  void guarded(const std::function<void()>& call);

  ServerContext& context_;
  std::shared_ptr<Exchange> exchange_;
  const Route* route_ = nullptr;
  std::shared_ptr<UploadWork> upload_;
  BodyFraming framing_;
  bool framed_ = false;  // framing_ is known
  bool refused_ = false;
  bool dispatched_ = false;
  uint64_t received_ = 0;
  uint64_t swallowed_ = 0;  // of it, since it was refused
};

}  // namespace shijian::http
