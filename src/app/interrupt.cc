#include "app/interrupt.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <thread>

#include "base/descriptor.h"
#include "base/error.h"

namespace shijian::app {
namespace {

std::atomic<int> wake = -1;  // an eventfd: all that a signal handler may do is to write there
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void on_signal(int signal) {
  const int error = errno;
  const uint64_t one = 1;
  (void)!::write(wake, &one, sizeof one);
  for (const int next : {SIGINT, SIGTERM, signal}) std::signal(next, SIG_DFL);
  errno = error;
}

// Turns the first signal into a stop request, on a thread that may.
class Interrupts {
 public:
  Interrupts() : event_(::eventfd(0, EFD_CLOEXEC)) {
    if (event_.get() < 0) throw system_error("wait for signals"_text, errno);
    wake = event_.get();
    waiter_ = std::jthread([this](const std::stop_token& ending) {
      uint64_t count = 0;
      while (::read(event_.get(), &count, sizeof count) < 0) {
      }
      if (!ending.stop_requested()) source_.request_stop();
    });
    std::signal(SIGINT, on_signal);
    std::signal(SIGTERM, on_signal);
    // Under nohup it stays ignored.
    if (std::signal(SIGHUP, on_signal) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
  }
  ~Interrupts() {
    wake = -1;
    waiter_.request_stop();
    const uint64_t one = 1;
    (void)!::write(event_.get(), &one, sizeof one);
  }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  Descriptor event_;
  std::stop_source source_;
  std::jthread waiter_;  // ends before what it uses
};

}  // namespace

std::stop_token interrupt_token() {
  static const Interrupts interrupts;
  return interrupts.token();
}

void wait_for_interrupt() {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any().wait(lock, interrupt_token(), [] { return false; });
}

}  // namespace shijian::app
