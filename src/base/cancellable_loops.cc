#include "base/cancellable_loops.h"

namespace shijian {
namespace {

thread_local const CancellableLoops* innermost = nullptr;

}  // namespace

CancellableLoops::CancellableLoops(const CancelToken& cancel) : cancel_(cancel), outer_(innermost) {
  innermost = this;
}

CancellableLoops::~CancellableLoops() { innermost = outer_; }

CancelToken CancellableLoops::current() {
  return innermost == nullptr ? CancelToken() : innermost->cancel_;
}

}  // namespace shijian
