#include "grounding/reason.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/time_code.h"

namespace shijian::grounding {
namespace {

constexpr size_t kMostLines = 10;

struct Looks {
  int count = 0;
  double fps = 0;  // of the closest
};

Looks looks_at(const Event& event, const SamplingSummary& sampling) {
  Looks looks;
  for (const PlannedLook& look : sampling.plan) {
    if (look.from > event.end || look.to < event.start) continue;
    ++looks.count;
    looks.fps = std::max(looks.fps, look.fps);
  }
  return looks;
}

std::string line_of(const Event& event, const Answer& answer) {
  const bool chinese = answer.language == Language::kChinese;
  const auto time = [](double seconds) { return format_time(seconds, TimeFormat::kHoursMillis); };
  const auto [count, fps] = looks_at(event, answer.sampling);
  std::string line = fmt::format(
      fmt::runtime(chinese ? "{} - {}：看了 {} 次，最细的一次每秒 {:.1f} 帧"
                           : "{} - {}: looked at {} times, most closely at {:.1f} frames a second"),
      time(event.start), time(event.end), count, fps);
  if (event.evidence && event.evidence->presence) {
    line += fmt::format(
        fmt::runtime(chinese ? "；模型认为它存在的可能为 {:.0f}%，时间正确的可能为 {:.0f}%"
                             : "; the model found it {:.0f}% likely to be there at "
                               "all, and its times {:.0f}% likely"),
        *event.evidence->presence * 100, event.evidence->times * 100);
  }
  return line;
}

}  // namespace

std::string_view reason_question(Language language) {
  return language == Language::kChinese
             ? "请用一两句话说明：那时你看到了什么，所以这样回答？"
             : "In one or two sentences: what do you see then that makes you answer so?";
}

std::string evidence_reason(const Answer& answer) {
  std::string text;
  for (size_t i = 0; i < std::min(answer.events.size(), kMostLines); ++i) {
    text += (i == 0 ? "" : "\n") + line_of(answer.events[i], answer);
  }
  return text;
}

}  // namespace shijian::grounding
