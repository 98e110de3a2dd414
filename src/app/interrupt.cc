#include "app/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>

namespace shijian::app {
namespace {

CancelSource& source() {
  static CancelSource instance;
  return instance;
}

// Written once, and never read: whoever polls it afterwards returns at once.
int& wake() {
  static int descriptor = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return descriptor;
}

extern "C" void on_signal(int signal) {
  source().cancel();
  const uint64_t one = 1;
  (void)!::write(wake(), &one, sizeof one);
  std::signal(signal, SIG_DFL);
}

}  // namespace

CancelToken interrupt_token() {
  static const bool installed = [] {
    source();
    wake();
    std::signal(SIGINT, on_signal);
    std::signal(SIGTERM, on_signal);
    // Under nohup it stays ignored.
    if (std::signal(SIGHUP, on_signal) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
    return true;
  }();
  (void)installed;
  return source().token();
}

void wait_for_interrupt() {
  const CancelToken interrupted = interrupt_token();
  while (!interrupted.cancelled()) {
    pollfd ready{wake(), POLLIN, 0};
    ::poll(&ready, 1, -1);
  }
}

}  // namespace shijian::app
