// Cooperative cancellation: the caller keeps a std::stop_source, the work looks at its token.
#pragma once

#include <stop_token>

#include "base/error.h"

namespace shijian {

// Throws Error(kCancelled) once the caller has given up.
inline void throw_if_cancelled(const std::stop_token& cancel) {
  if (cancel.stop_requested()) throw Error(ErrorCode::kCancelled, "cancelled"_text);
}

}  // namespace shijian
