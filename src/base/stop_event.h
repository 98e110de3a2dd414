// A stop request as something that poll() and epoll wait for.
#pragma once

#include <functional>
#include <stop_token>

#include "base/descriptor.h"

namespace shijian {

// Throws Error(kIo) where the system has no descriptor left.
class StopEvent {
 public:
  explicit StopEvent(const std::stop_token& stop);
  StopEvent(const StopEvent&) = delete;
  StopEvent& operator=(const StopEvent&) = delete;

  // Readable from the stop request on; -1, which poll() leaves out, where none is possible.
  int fd() const { return event_.get(); }

 private:
  Descriptor event_;
  std::stop_callback<std::function<void()>> on_stop_;
};

}  // namespace shijian
