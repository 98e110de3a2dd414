// What a server says about its running: one line for each event, on standard error.
//
//   2026-11-22T18:30:05.123Z info request id=9f3c… client=127.0.0.1 status=200 seconds=0.004
//   {"time":"2026-11-22T18:30:05.123Z","level":"info","event":"request","id":"9f3c…",…}
//
// Thread-safe after set_log(). A line never holds what a user asked: queries are private.
#pragma once

#include <optional>
#include <string_view>

#include "base/json.h"

namespace shijian {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
std::optional<LogLevel> parse_log_level(std::string_view name);  // "debug", "info", "warning", …

struct LogOptions {
  bool json = false;
  LogLevel level = LogLevel::kInfo;  // and above
};

// Before it is called, and from no other thread than the first, nothing is written.
void set_log(const LogOptions& options);

// `event` is a name like "job_ended", `fields` an object of plain values. Must not be given text of
// users at kInfo and above.
void log_event(LogLevel level, std::string_view event, const OrderedJson& fields);

// The line's part after time and level: text, or the members of a JSON object.
std::string log_fields(std::string_view event, const OrderedJson& fields, bool json);

}  // namespace shijian
