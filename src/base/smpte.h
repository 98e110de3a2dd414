// Time codes of television (SMPTE ST 12-1): hours, minutes, seconds and frames.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shijian {

// Frames a second, as a fraction > 0.
struct EditRate {
  int64_t num = 25;
  int64_t den = 1;

  double value() const { return static_cast<double>(num) / static_cast<double>(den); }
  int64_t whole() const;    // frames that a second of time code has: 30 of 29.97
  bool television() const;  // 1000/1001 of a whole rate
  bool can_drop() const;    // 29.97, 59.94, …: time codes may leave numbers out
  bool operator==(const EditRate&) const = default;
};

struct TimeCode {
  int64_t frame = 0;  // from 00:00:00:00 on
  bool drop = false;  // numbers are left out so that it follows the clock
};

// "01:00:04:13", with ';' before the frames when it drops. Past 24 hours it begins anew.
std::string write_time_code(const TimeCode& code, const EditRate& rate);

// Reads what write_time_code() writes, "." counting as ";". Empty when it is none; drop only where
// the rate can.
std::optional<TimeCode> read_time_code(std::string_view text, const EditRate& rate);

}  // namespace shijian
