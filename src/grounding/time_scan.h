// The first step of reading an answer: one spelling for every digit, dash and quote, and the times
// that stand in the text. Internal to the answer parser.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "grounding/event.h"

namespace shijian {

// `text` with full-width forms, typographic dashes, quotes and spaces replaced by ASCII, and
// ill-formed bytes by U+FFFD. Byte i of it came from byte origin[i] of the source.
struct NormalText {
  std::string text;
  std::vector<size_t> origin;  // [text.size() + 1], not decreasing
  std::string_view source;

  // The source bytes behind [begin, end) of `text`.
  TextRange source_range(size_t begin, size_t end) const;
  std::string_view source_slice(size_t begin, size_t end) const;
};
NormalText normalize(std::string_view source);

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

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string lower(std::string_view text);

}  // namespace shijian
