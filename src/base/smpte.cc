#include "base/smpte.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace shijian {
namespace {

constexpr int64_t kDay = 24 * 60 * 60;  // seconds

// Numbers left out at the beginning of each minute but every tenth.
int64_t dropped(const EditRate& rate) { return rate.whole() / 15; }

}  // namespace

int64_t EditRate::whole() const { return std::max<int64_t>(1, std::llround(value())); }

bool EditRate::television() const { return num * 1001 == whole() * 1000 * den; }

bool EditRate::can_drop() const { return television() && whole() % 30 == 0; }

std::string write_time_code(const TimeCode& code, const EditRate& rate) {
  const int64_t whole = rate.whole();
  int64_t frame = std::max<int64_t>(0, code.frame);
  if (code.drop) {
    const int64_t minute = whole * 60 - dropped(rate);
    const int64_t ten_minutes = minute * 10 + dropped(rate);
    const int64_t rest = frame % ten_minutes;
    frame += frame / ten_minutes * 9 * dropped(rate);
    if (rest >= dropped(rate)) frame += (rest - dropped(rate)) / minute * dropped(rate);
  }
  frame %= whole * kDay;
  const int64_t seconds = frame / whole;
  return fmt::format("{:02}:{:02}:{:02}{}{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60,
                     code.drop ? ';' : ':', frame % whole);
}

std::optional<TimeCode> read_time_code(std::string_view text, const EditRate& rate) {
  std::array<int64_t, 4> parts{};  // hours, minutes, seconds, frames
  bool drop = false;
  for (size_t i = 0; i < parts.size(); ++i) {
    size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
      parts[i] = parts[i] * 10 + (text[digits++] - '0');
      if (digits > 3) return std::nullopt;
    }
    if (digits == 0) return std::nullopt;
    text.remove_prefix(digits);
    if (i + 1 == parts.size()) break;
    if (text.empty() || (text[0] != ':' && text[0] != ';' && text[0] != '.')) return std::nullopt;
    drop = text[0] != ':';
    text.remove_prefix(1);
  }
  const auto [hours, minutes, seconds, frames] = parts;
  const int64_t whole = rate.whole();
  if (!text.empty() || hours > 23 || minutes > 59 || seconds > 59 || frames >= whole) {
    return std::nullopt;
  }
  TimeCode code{((hours * 60 + minutes) * 60 + seconds) * whole + frames, drop && rate.can_drop()};
  const int64_t all_minutes = hours * 60 + minutes;
  if (code.drop) code.frame -= (all_minutes - all_minutes / 10) * dropped(rate);
  return code;
}

}  // namespace shijian
