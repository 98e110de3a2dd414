#include "base/cancellable_loops.h"

namespace shijian {
namespace {

thread_local const CancellableLoops* innermost = nullptr;

}  // namespace

CancellableLoops::CancellableLoops(const std::stop_token& cancel)
    : cancel_(cancel), outer_(innermost) {
  innermost = this;
}

CancellableLoops::~CancellableLoops() { innermost = outer_; }

std::stop_token CancellableLoops::current() {
  return innermost == nullptr ? std::stop_token() : innermost->cancel_;
}

}  // namespace shijian
