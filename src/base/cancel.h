// Cooperative cancellation: the caller keeps a CancelSource, the work checks a CancelToken.
#pragma once

#include <atomic>
#include <memory>

#include "base/error.h"

namespace shijian {

// Copies share one flag. A default-made token is never cancelled. Safe from any thread.
class CancelToken {
 public:
  CancelToken() = default;
  bool cancelled() const { return flag_ && flag_->load(std::memory_order_relaxed); }
  // Throws Error(kCancelled) once the source was cancelled.
  void check() const {
    if (cancelled()) throw Error(ErrorCode::kCancelled, "cancelled");
  }

 private:
  friend class CancelSource;
  explicit CancelToken(std::shared_ptr<const std::atomic<bool>> flag) : flag_(std::move(flag)) {}
  std::shared_ptr<const std::atomic<bool>> flag_;
};

class CancelSource {
 public:
  // Async-signal-safe: only stores to a lock-free atomic.
  void cancel() noexcept { flag_->store(true, std::memory_order_relaxed); }
  CancelToken token() const { return CancelToken(flag_); }

 private:
  std::shared_ptr<std::atomic<bool>> flag_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace shijian
