#include "base/stop_event.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>

#include "base/error.h"

namespace shijian {
namespace {

Descriptor open_event(const std::stop_token& stop) {
  if (!stop.stop_possible()) return {};
  Descriptor event(::eventfd(0, EFD_CLOEXEC));
  if (event.get() < 0) throw system_error("wait for a stop request"_text, errno);
  return event;
}

}  // namespace

StopEvent::StopEvent(const std::stop_token& stop)
    : event_(open_event(stop)), on_stop_(stop, [fd = event_.get()] {
        const uint64_t one = 1;
        (void)!::write(fd, &one, sizeof one);
      }) {}

}  // namespace shijian
