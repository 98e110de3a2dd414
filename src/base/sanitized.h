// Whether this build has a sanitiser, which needs address space and system calls of its own, keeps
// freed memory for a while and makes everything slower.
#pragma once

namespace shijian {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace shijian
