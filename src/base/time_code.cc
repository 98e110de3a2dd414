#include "base/time_code.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <vector>

namespace shijian {

std::optional<TimeFormat> parse_time_format(std::string_view name) {
  if (name == "HH:MM:SS.sss") return TimeFormat::kHoursMillis;
  if (name == "MM:SS.ff") return TimeFormat::kMinutesCentis;
  if (name == "seconds") return TimeFormat::kSeconds;
  if (name == "frames") return TimeFormat::kFrames;
  return std::nullopt;
}

// Beyond any clip (30,000 years), and its milliseconds still fit 64 bits.
constexpr double kLargestTime = 1e12;

std::string format_time(double seconds, TimeFormat format, double frame_rate) {
  if (!(seconds > 0)) seconds = 0;
  seconds = std::min(seconds, kLargestTime);
  switch (format) {
    case TimeFormat::kHoursMillis: {
      const int64_t ms = std::llround(seconds * 1000);
      return fmt::format("{:02}:{:02}:{:02}.{:03}", ms / 3'600'000, ms / 60'000 % 60,
                         ms / 1000 % 60, ms % 1000);
    }
    case TimeFormat::kMinutesCentis: {
      const int64_t cs = std::llround(seconds * 100);
      return fmt::format("{:02}:{:02}.{:02}", cs / 6000, cs / 100 % 60, cs % 100);
    }
    case TimeFormat::kSeconds: {
      const int64_t ms = std::llround(seconds * 1000);
      return fmt::format("{}.{:03}", ms / 1000, ms % 1000);
    }
    case TimeFormat::kFrames: {
      const double frame = seconds * frame_rate;
      return fmt::format("{}", frame > 0 ? std::llround(std::min(frame, kLargestTime)) : 0);
    }
  }
  return {};
}

namespace {

bool all_digits(std::string_view text) {
  if (text.empty()) return false;
  for (char c : text) {
    if (c < '0' || c > '9') return false;
  }
  return true;
}

}  // namespace

std::optional<double> parse_time(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (!text.empty() && text.back() == 's') text.remove_suffix(1);
  std::vector<std::string_view> fields;
  for (size_t colon; (colon = text.find(':')) != std::string_view::npos;) {
    fields.push_back(text.substr(0, colon));
    text.remove_prefix(colon + 1);
  }
  if (fields.size() > 2) return std::nullopt;
  double total = 0;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (!all_digits(fields[i]) || fields[i].size() > 9) return std::nullopt;
    int64_t value = 0;
    std::from_chars(fields[i].data(), fields[i].data() + fields[i].size(), value);
    if (i > 0 && value >= 60) return std::nullopt;
    total = total * 60 + static_cast<double>(value);
  }
  const size_t point = text.find_first_of(".,");
  const std::string_view whole = text.substr(0, point);
  const std::string_view fraction =
      point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  if (!all_digits(whole) || whole.size() > 12) return std::nullopt;
  if (point != std::string_view::npos && !all_digits(fraction)) return std::nullopt;
  const std::string number = fmt::format("{}.{}", whole, fraction.empty() ? "0" : fraction);
  double seconds = 0;
  std::from_chars(number.data(), number.data() + number.size(), seconds);
  if (!fields.empty() && seconds >= 60) return std::nullopt;
  return total * 60 + seconds;
}

}  // namespace shijian
