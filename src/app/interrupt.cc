#include "app/interrupt.h"

#include <csignal>

namespace shijian {
namespace {

CancelSource& source() {
  static CancelSource instance;
  return instance;
}

extern "C" void on_signal(int signal) {
  source().cancel();
  std::signal(signal, SIG_DFL);
}

}  // namespace

CancelToken interrupt_token() {
  static const bool installed = [] {
    source();
    std::signal(SIGINT, on_signal);
    std::signal(SIGTERM, on_signal);
    // Under nohup it stays ignored.
    if (std::signal(SIGHUP, on_signal) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
    return true;
  }();
  (void)installed;
  return source().token();
}

}  // namespace shijian
