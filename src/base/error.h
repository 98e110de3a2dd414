// The one error type of the project, and CHECK for our own bugs.
//
// Anything that input can cause is an Error: thrown inside, turned into an exit status
// (app/main.cc) or an HTTP body (server/) at one place each. CHECK is for conditions that only a
// bug can break.
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "base/text.h"

namespace shijian {

enum class ErrorCode {
  kUsage,        // the caller asked wrongly: bad flag, bad option value, empty question
  kNotFound,     // a named thing does not exist
  kInvalid,      // the thing exists but its content is wrong: truncated, lying header, not a video
  kUnsupported,  // well formed, but beyond what this build can do
  kPermission,   // the system refused access
  kNoMemory,     // what is asked needs more memory than there is
  kIo,           // reading or writing failed: disk full, device error
  kCancelled,    // the caller gave up
  kConflict,     // the thing is in a state that does not allow it
  kBusy,         // too much waits already: later it will do
  kInternal,     // our own bug, reported rather than hidden
};

std::string_view error_code_name(ErrorCode code);

// `message` is one line: it names the operation, the thing and the actual values.
// `hint` is one line that says the way out; may be empty.
class Error : public std::exception {
 public:
  Error(ErrorCode code, const Text& message, Text hint = {});
  ErrorCode code() const { return code_; }
  const Text& message_text() const { return message_; }
  const Text& hint_text() const { return hint_; }
  // In English, for logs and programs.
  const std::string& message() const { return english_message_; }
  const std::string& hint() const { return english_hint_; }
  const char* what() const noexcept override { return english_message_.c_str(); }

 private:
  ErrorCode code_;
  Text message_, hint_;
  std::string english_message_, english_hint_;
};

// The way out where memory, threads or processes ran out and nothing closer is known.
inline constexpr auto kMemoryHint =
    "close other programs, raise the limits (ulimit -v, ulimit -u) or use fewer --threads"_text;

// An Error for the errno of a failed system call: of "open {}"_text(path) it is
// "open movie.mp4: Permission denied". Picks code and hint from errno.
Error system_error(const Text& operation, int errno_value);

namespace internal {
[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               const std::string& detail);
}

}  // namespace shijian

// Aborts when a condition that only our own bug can break is false. Never use it on input.
#define CHECK(condition, ...)                                           \
  do {                                                                  \
    if (!(condition)) [[unlikely]]                                      \
      ::shijian::internal::check_failed(__FILE__, __LINE__, #condition, \
                                        ::fmt::format("" __VA_ARGS__)); \
  } while (false)
