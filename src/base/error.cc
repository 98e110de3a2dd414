#include "base/error.h"

#include <algorithm>
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

namespace {

// Cuts numbers that no reader needs whole, such as 1e300 or what a client made up: a message is to
// be one line.
std::string with_short_numbers(std::string text) {
  constexpr size_t kMost = 40, kKept = 20;  // digits
  constexpr std::string_view kDigits = "0123456789";
  for (size_t at = 0; (at = text.find_first_of(kDigits, at)) != std::string::npos;) {
    const size_t end = std::min(text.find_first_not_of(kDigits, at), text.size());
    if (end - at > kMost) {
      text.replace(at + kKept, end - at - kKept, "…");
      at += kKept;
    } else {
      at = end;
    }
  }
  return text;
}

}  // namespace

Error::Error(ErrorCode code, const Text& message, Text hint)
    : code_(code),
      message_(message.changed(with_short_numbers)),
      hint_(std::move(hint)),
      english_message_(message_.english()),
      english_hint_(hint_.english()) {}

Error system_error(const Text& operation, int errno_value) {
  ErrorCode code = ErrorCode::kIo;
  Text hint;
  switch (errno_value) {
    case ENOENT:
    case ENOTDIR:
      code = ErrorCode::kNotFound;
      hint = "check the path"_text;
      break;
    case EACCES:
    case EPERM:
      code = ErrorCode::kPermission;
      hint = "check the permissions of the file and of its folder"_text;
      break;
    case ENOSPC:
    case EDQUOT:
      hint = "free some disk space or write elsewhere"_text;
      break;
    case EMFILE:
    case ENFILE:
      hint = "close other programs, or raise the limit of open files (ulimit -n)"_text;
      break;
    case EBADF:
      hint = "it is closed: leave it open, or name a file with -o"_text;
      break;
    case EFBIG:
      hint = "raise the limit of the size of files (ulimit -f), or write to another disk"_text;
      break;
    case ENOMEM:
    case EAGAIN:  // of a thread or a process
      code = ErrorCode::kNoMemory;
      hint = kMemoryHint;
      break;
    default:
      hint = "see whether the path is right and the disk is sound"_text;
      break;
  }
  return Error(code, "{}: {}"_text(operation, Text::words(std::strerror(errno_value))),
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
