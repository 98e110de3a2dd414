// One upload's calls, in order, on the threads that its route's runner gives it.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>

#include "http/exchange.h"
#include "http/router.h"

namespace shijian::http {

// An error of the upload is the exchange's answer. The functions are for the connection's thread;
// begin() and write() are the exchange's work until they are done.
class UploadWork : public std::enable_shared_from_this<UploadWork> {
 public:
  UploadWork(const Route& route, std::shared_ptr<Exchange> exchange)
      : route_(route), exchange_(std::move(exchange)) {}

  void begin();
  void write(std::span<const std::byte> bytes);
  void finish(std::shared_ptr<HttpReply> reply);
  void drop();  // what is not finished is broken off
  bool refused() const { return refused_; }

 private:
  using Call = std::function<void()>;
  void post(Call call, bool is_work);
  void run();

  const Route& route_;
  const std::shared_ptr<Exchange> exchange_;
  std::atomic<bool> refused_{false};
  std::unique_ptr<HttpUpload> upload_;  // of the calls
  std::mutex mutex_;
  std::deque<Call> calls_;
  bool running_ = false;
};

// Runs `call`; what it throws is the exchange's answer, and false.
bool answer_errors(Exchange& exchange, const std::function<void()>& call);

}  // namespace shijian::http
