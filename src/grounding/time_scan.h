// The times that stand in a text, apart from all other numbers. Internal to the answer parser.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace shijian::grounding {

enum class TimeUnit { kNone, kMilliseconds, kSeconds, kMinutes, kHours };

// A number in the text that may be a time.
struct TimeToken {
  double seconds = 0;
  double reread = -1;  // for clock times: the value one unit smaller ("05:50" as 5.50), else -1
  size_t begin = 0, end = 0;  // bytes of the normal text, units and a leading 第 included
  TimeUnit unit = TimeUnit::kNone;
  bool clock = false;    // written with colons
  bool decimal = false;  // has a fraction
  bool ordinal = false;  // 第5秒: a moment, never a length
  bool length = false;   // "10-second", "3秒内": a length, never a moment
};

// Times in [begin, end) of the normal text, in order. Numbers inside words, frame numbers, years,
// percentages and the like are left out.
std::vector<TimeToken> scan_times(std::string_view text, size_t begin, size_t end);

}  // namespace shijian::grounding
