// Progress of a run on standard error: one line that rewrites itself on a terminal, one line for
// each stage elsewhere, and nothing at all for what is over within two seconds.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "engine/engine.h"

namespace shijian::app {

// Not for several threads. Ends its line when destroyed.
class ProgressLine {
 public:
  explicit ProgressLine(bool enabled);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(const engine::Progress& progress);
  // Ends the line, so that something else may be printed.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  bool enabled_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
  std::string stage_;
};

}  // namespace shijian::app
