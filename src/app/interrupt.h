// Ctrl-C, SIGTERM and SIGHUP cancel the run; a second signal ends the program at once.
#pragma once

#include "base/cancel.h"

namespace shijian::app {

// Installs the handlers at the first call; the first signal requests its stop.
std::stop_token interrupt_token();

// Returns at the first signal, also one that came before. From one thread.
void wait_for_interrupt();

}  // namespace shijian::app
