#include "base/error.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace shijian {

std::string_view error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
      return "usage";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kInvalid:
      return "invalid";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kPermission:
      return "permission";
    case ErrorCode::kNoMemory:
      return "no_memory";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kBusy:
      return "busy";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

Error::Error(ErrorCode code, std::string message, std::string hint)
    : code_(code), message_(std::move(message)), hint_(std::move(hint)) {}

Error system_error(std::string_view operation, std::string_view thing, int errno_value) {
  ErrorCode code = ErrorCode::kIo;
  std::string hint;
  switch (errno_value) {
    case ENOENT:
    case ENOTDIR:
      code = ErrorCode::kNotFound;
      hint = "check the path";
      break;
    case EACCES:
    case EPERM:
      code = ErrorCode::kPermission;
      hint = "check the permissions of the file and of its folder";
      break;
    case ENOSPC:
    case EDQUOT:
      hint = "free some disk space or write elsewhere";
      break;
    case EBADF:
      hint = "it is closed: leave it open, or name a file with -o";
      break;
    case EFBIG:
      hint = "raise the limit of the size of files (ulimit -f), or write to another disk";
      break;
    case ENOMEM:
    case EAGAIN:  // of a thread or a process
      code = ErrorCode::kNoMemory;
      hint = kMemoryHint;
      break;
    default:
      hint = "see whether the path is right and the disk is sound";
      break;
  }
  return Error(code, fmt::format("{} {}: {}", operation, thing, std::strerror(errno_value)),
               std::move(hint));
}

namespace internal {
void check_failed(const char* file, int line, const char* condition, const std::string& detail) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s%s%s\n", file, line, condition,
               detail.empty() ? "" : ": ", detail.c_str());
  std::abort();
}
}  // namespace internal

}  // namespace shijian
