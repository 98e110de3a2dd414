// Loops of a ThreadPool that end before they are done when the caller gives up.
#pragma once

#include "base/cancel.h"

namespace shijian {

// While it lives, loops that this thread starts on any pool look at `cancel` before each piece and
// throw Error(kCancelled). One inside another takes its place.
class CancellableLoops {
 public:
  explicit CancellableLoops(const std::stop_token& cancel);
  ~CancellableLoops();
  CancellableLoops(const CancellableLoops&) = delete;
  CancellableLoops& operator=(const CancellableLoops&) = delete;

  // Of this thread; never cancelled where there is none.
  static std::stop_token current();

 private:
  const std::stop_token cancel_;
  const CancellableLoops* outer_;
};

}  // namespace shijian
