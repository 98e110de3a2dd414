// Time codes that people and machines read. Seconds are on the timeline that a player shows.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shijian {

enum class TimeFormat {
  kHoursMillis,    // "HH:MM:SS.sss", the default
  kMinutesCentis,  // "MM:SS.ff": minutes may exceed 59, ff are hundredths
  kSeconds,        // "12.345"
  kFrames,         // frame number on the timeline, from 0
};

// Accepts the four names of the command line and of the API: "HH:MM:SS.sss", "MM:SS.ff",
// "seconds", "frames". Empty when the name is none of them.
std::optional<TimeFormat> parse_time_format(std::string_view name);

// Rounds to the format's last digit, half away from zero; negative times are clamped to 0.
// `frame_rate` (frames a second) is used by kFrames alone.
std::string format_time(double seconds, TimeFormat format, double frame_rate = 0);

// Reads "83.5", "1:23.5", "01:23.50", "00:01:23.500", with '.' or ',' before the fraction and
// an optional trailing "s". Minutes and seconds after a colon must be below 60.
// Empty when the text is no such time, is negative or is not finite.
std::optional<double> parse_time(std::string_view text);

}  // namespace shijian
