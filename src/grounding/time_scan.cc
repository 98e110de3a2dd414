#include "grounding/time_scan.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/utf8.h"
#include "grounding/normal_text.h"

namespace shijian::grounding {

namespace {

struct UnitWord {
  std::string_view word;
  TimeUnit unit;
};

// Longest first where one begins another. English words must end at a word's end; "m" and "h"
// count only inside "1m23s" and "1h2m" (a bare "5 m" is a length in metres).
constexpr UnitWord kEnglishUnits[] = {{"milliseconds", TimeUnit::kMilliseconds},
                                      {"millisecond", TimeUnit::kMilliseconds},
                                      {"msec", TimeUnit::kMilliseconds},
                                      {"ms", TimeUnit::kMilliseconds},
                                      {"seconds", TimeUnit::kSeconds},
                                      {"second", TimeUnit::kSeconds},
                                      {"secs", TimeUnit::kSeconds},
                                      {"sec", TimeUnit::kSeconds},
                                      {"s", TimeUnit::kSeconds},
                                      {"minutes", TimeUnit::kMinutes},
                                      {"minute", TimeUnit::kMinutes},
                                      {"mins", TimeUnit::kMinutes},
                                      {"min", TimeUnit::kMinutes},
                                      {"m", TimeUnit::kMinutes},
                                      {"hours", TimeUnit::kHours},
                                      {"hour", TimeUnit::kHours},
                                      {"hrs", TimeUnit::kHours},
                                      {"hr", TimeUnit::kHours},
                                      {"h", TimeUnit::kHours}};
constexpr UnitWord kChineseUnits[] = {
    {"毫秒", TimeUnit::kMilliseconds}, {"秒钟", TimeUnit::kSeconds}, {"秒", TimeUnit::kSeconds},
    {"分钟", TimeUnit::kMinutes},      {"分", TimeUnit::kMinutes},   {"小时", TimeUnit::kHours},
    {"时", TimeUnit::kHours}};

double unit_seconds(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kMilliseconds:
      return 1e-3;
    case TimeUnit::kMinutes:
      return 60;
    case TimeUnit::kHours:
      return 3600;
    default:
      return 1;
  }
}

class TimeScanner {
 public:
  TimeScanner(std::string_view text, size_t begin, size_t end)
      : text_(text.substr(0, end)), begin_(begin) {}

  std::vector<TimeToken> run() {
    std::vector<TimeToken> tokens;
    size_t at = begin_;
    while (at < text_.size()) {
      size_t next = at;
      if (is_digit(text_[at])) {
        if (auto token = read_at(at, next)) tokens.push_back(*token);
        if (next == at) next = skip_number(at);
      } else if (static_cast<unsigned char>(text_[at]) >= 0x80) {
        if (auto token = read_chinese(at, next)) tokens.push_back(*token);
        if (next == at) next = at + read_utf8(text_, at).size;
      } else {
        next = at + 1;
      }
      at = next;
    }
    return tokens;
  }

 private:
  bool starts_with(size_t at, std::string_view word) const {
    return text_.substr(std::min(at, text_.size()), word.size()) == word;
  }
  bool ends_with(size_t at, std::string_view word) const {
    return at >= begin_ + word.size() && text_.substr(at - word.size(), word.size()) == word;
  }
  char at_or_zero(size_t at) const { return at < text_.size() ? text_[at] : '\0'; }
  size_t skip_spaces(size_t at) const {
    while (at_or_zero(at) == ' ') ++at;
    return at;
  }
  size_t skip_number(size_t at) const {
    while (is_digit(at_or_zero(at)) || (at_or_zero(at) == '.' && is_digit(at_or_zero(at + 1))))
      ++at;
    return at;
  }

  // The unit at `at` (spaces before it allowed); kNone leaves `end` alone.
  TimeUnit read_unit(size_t at, size_t& end, bool compound) const {
    const size_t word = skip_spaces(at);
    for (const UnitWord& unit : kChineseUnits) {
      if (!starts_with(word, unit.word)) continue;
      end = word + unit.word.size();
      if (unit.word == "时" || unit.word == "分") {
        // 5分 is also five points, 十分 "very": a time only where a smaller unit follows.
        if (!compound && !is_digit(at_or_zero(skip_spaces(end)))) return TimeUnit::kNone;
      }
      return unit.unit;
    }
    if (!is_ascii_letter(at_or_zero(word))) return TimeUnit::kNone;
    size_t stop = word;
    while (is_ascii_letter(at_or_zero(stop))) ++stop;
    const std::string name = lower(text_.substr(word, std::min<size_t>(stop - word, 16)));
    for (const UnitWord& unit : kEnglishUnits) {
      if (unit.word == name) {
        if ((name == "m" || name == "h") && !is_digit(at_or_zero(skip_spaces(stop)))) {
          return TimeUnit::kNone;
        }
        end = stop;
        return unit.unit;
      }
      // "1m23s": the letters stop at the next number, which the loop above found; "1min23" too.
    }
    return TimeUnit::kNone;
  }

  std::optional<double> read_decimal(size_t at, size_t& end, bool* has_fraction) const {
    size_t stop = at;
    while (is_digit(at_or_zero(stop))) ++stop;
    if (stop == at || stop - at > 9) return std::nullopt;
    if (at_or_zero(stop) == '.' && is_digit(at_or_zero(stop + 1))) {
      if (has_fraction) *has_fraction = true;
      ++stop;
      while (is_digit(at_or_zero(stop))) ++stop;
    }
    double value = 0;
    const auto result =
        std::from_chars(text_.data() + at, text_.data() + stop, value, std::chars_format::fixed);
    if (result.ec != std::errc() || result.ptr != text_.data() + stop) return std::nullopt;
    end = stop;
    return value;
  }

  // "m:ss", "mm:ss.ff", "h:mm:ss,mmm". Sets `end` past the digits even when it is no time.
  std::optional<TimeToken> read_clock(size_t at, size_t& end) const {
    double fields[3] = {0, 0, 0};
    size_t digits[3] = {0, 0, 0};
    size_t count = 0;
    size_t stop = at;
    while (count < 3) {
      const size_t field = stop;
      while (is_digit(at_or_zero(stop))) ++stop;
      digits[count] = stop - field;
      if (digits[count] == 0 || digits[count] > 6) return std::nullopt;
      int value = 0;
      std::from_chars(text_.data() + field, text_.data() + stop, value);
      fields[count++] = value;
      if (count < 3 && at_or_zero(stop) == ':' && is_digit(at_or_zero(stop + 1))) {
        ++stop;
      } else {
        break;
      }
    }
    if (count < 2) return std::nullopt;
    TimeToken token;
    token.clock = true;
    double fraction = 0;
    size_t fraction_digits = 0;
    const char mark = at_or_zero(stop);
    if ((mark == '.' || mark == ',' || mark == ':') && is_digit(at_or_zero(stop + 1))) {
      size_t tail = stop + 1;
      double place = 0.1;
      while (is_digit(at_or_zero(tail))) {
        fraction += place * (text_[tail] - '0');
        place /= 10;
        ++tail;
      }
      fraction_digits = tail - stop - 1;
      // A comma may also part two times: only SubRip's three digits belong to this one.
      const bool belongs = mark == '.' || (fraction_digits == 3 && at_or_zero(tail) != ':');
      if (belongs) {
        stop = tail;
        token.decimal = true;
      } else {
        fraction = 0;
        fraction_digits = 0;
        if (mark == ':') {  // a fourth field: frames, "00:00:12:15"; the second is kept
          stop = tail;
        }
      }
    }
    end = stop;
    // "2:1" is a score and "16:9" a shape.
    if (digits[count - 1] < 2 && fraction_digits == 0) return std::nullopt;
    for (size_t i = 0; i < count; ++i) token.seconds = token.seconds * 60 + fields[i];
    token.seconds += fraction;
    // One unit smaller: minutes are seconds, seconds hundredths.
    double smaller = 0;
    for (size_t i = 0; i + 1 < count; ++i) smaller = smaller * 60 + fields[i];
    if (fields[count - 1] < 100) token.reread = smaller + fields[count - 1] / 100;
    token.begin = at;
    token.end = stop;
    return token;
  }

  // Adds "23秒" to "1分", "and 23 seconds" to "1 minute", 半 to "1分".
  void read_smaller_units(TimeToken& token) const {
    while (token.unit == TimeUnit::kMinutes || token.unit == TimeUnit::kHours) {
      size_t at = skip_spaces(token.end);
      if (starts_with(at, "and ")) at = skip_spaces(at + 4);
      if (starts_with(at, ",")) at = skip_spaces(at + 1);
      for (std::string_view zero : {"零", "又"}) {
        if (starts_with(at, zero)) at += zero.size();
      }
      size_t end = at;
      bool fraction = false;
      const auto value = read_decimal(at, end, &fraction);
      if (!value) return;
      const TimeUnit unit = read_unit(end, end, true);
      if (unit == TimeUnit::kNone || unit == TimeUnit::kMilliseconds || unit >= token.unit) return;
      token.seconds += *value * unit_seconds(unit);
      token.decimal |= fraction;
      token.unit = unit;
      token.end = end;
    }
  }

  std::optional<TimeToken> read_at(size_t at, size_t& next) {
    // Inside a word, an identifier or a longer number: "H264", "event_1", "1.2.3".
    if (at > begin_) {
      const char before = text_[at - 1];
      if (is_ascii_letter(before) || before == '_' || before == '#') {
        next = skip_number(at);
        return std::nullopt;
      }
    }
    size_t end = at;
    TimeToken token;
    if (auto clock = read_clock(at, end)) {
      token = *clock;
      size_t after = token.end;
      if (read_unit(token.end, after, true) != TimeUnit::kNone) token.end = after;
    } else if (end > at) {  // looked like a clock but is a score: skip all of it
      next = end;
      return std::nullopt;
    } else {
      const auto value = read_decimal(at, end, &token.decimal);
      if (!value) {
        next = skip_number(at);
        return std::nullopt;
      }
      token.begin = at;
      token.end = end;
      size_t after = end;
      token.unit = read_unit(end, after, false);
      if (token.unit != TimeUnit::kNone) {
        token.end = after;
      } else if (size_t suffix = end; read_ordinal(suffix)) {
        token.end = suffix;
        token.unit = read_unit(suffix, token.end, true);
        token.ordinal = token.unit != TimeUnit::kNone;
      } else if (at_or_zero(end) == '-' && is_ascii_letter(at_or_zero(end + 1)) &&
                 read_unit(end + 1, after, true) != TimeUnit::kNone) {
        token.end = after;
        token.unit = read_unit(end + 1, after, true);
        token.length = !starts_with(after, " mark");  // "a 10-second clip", "the 12-second mark"
      } else if (is_counted(end) || is_ascii_letter(at_or_zero(end)) || at_or_zero(end) == '%' ||
                 at_or_zero(end) == '_' || is_frame_number(at)) {
        next = end;
        return std::nullopt;
      }
      token.seconds = *value * unit_seconds(token.unit);
      read_smaller_units(token);
      if (starts_with(token.end, "内") || starts_with(token.end, "以内")) token.length = true;
    }
    if (ends_with(at, "第")) {
      token.ordinal = true;
      token.begin = at - 3;
    }
    if (at > begin_ && text_[at - 1] == '-' && is_sign(at - 1)) {
      token.seconds = -token.seconds;
      token.reread = -1;
      token.begin = at - 1;
    }
    next = token.end;
    return token;
  }

  // "3rd", "the 5th second".
  bool read_ordinal(size_t& at) const {
    for (std::string_view suffix : {"st", "nd", "rd", "th"}) {
      if (starts_with(at, suffix) && !is_ascii_letter(at_or_zero(at + 2))) {
        at += 2;
        return true;
      }
    }
    return false;
  }

  // A '-' at `at` makes a number negative where no other time stands before it.
  bool is_sign(size_t at) const {
    size_t before = at;
    while (before > begin_ && text_[before - 1] == ' ') --before;
    if (before == begin_) return false;  // "- 5.0": a bullet; "-5.0" too, times are not negative
    const char c = text_[before - 1];
    return c == '[' || c == '(' || c == ',' || c == ':' || c == '"' || c == '\'' || c == '=';
  }

  // Things that are counted, not timed: "3 dogs" is left to the grammar; these are certain.
  bool is_counted(size_t at) const {
    const size_t word = skip_spaces(at);
    for (std::string_view noun : {"帧", "个", "次", "只", "人", "名", "辆", "年", "月", "号", "%",
                                  "倍", "米", "岁", "种", "位", "条", "张", "块", "场", "段"}) {
      if (starts_with(word, noun)) return true;
    }
    size_t stop = word;
    while (is_ascii_letter(at_or_zero(stop)) && stop - word < 16) ++stop;
    const std::string name = lower(text_.substr(word, stop - word));
    for (std::string_view noun : {"fps", "frames", "frame", "px", "pixels", "hz", "times",
                                  "percent", "people", "years", "meters", "metres"}) {
      if (name == noun) return true;
    }
    return false;
  }

  // A bare number after "frame", "scene", 帧 and the like is a name.
  bool is_frame_number(size_t at) const {
    size_t before = at;
    while (before > begin_ && (text_[before - 1] == ' ' || text_[before - 1] == '#')) --before;
    if (ends_with(before, "帧") || ends_with(before, "号")) return true;
    size_t start = before;
    while (start > begin_ && is_ascii_letter(text_[start - 1]) && before - start < 16) --start;
    const std::string name = lower(text_.substr(start, before - start));
    for (std::string_view noun : {"frame", "frames", "event", "scene", "step", "shot", "number",
                                  "digit", "no", "clip", "part", "figure", "round", "option"}) {
      if (name == noun) return true;
    }
    return false;
  }

  // 第五秒, 十二秒, 三点五秒: numerals in characters, only where 秒 (or 分钟, 小时) follows, or
  // 到/至 and another such time.
  std::optional<TimeToken> read_chinese(size_t at, size_t& next) {
    TimeToken token;
    token.begin = at;
    size_t number = at;
    if (starts_with(at, "第")) {
      token.ordinal = true;
      number = at + 3;
    }
    size_t end = number;
    const auto value = read_numeral(number, end, token.decimal);
    if (!value) return std::nullopt;
    size_t after = end;
    token.unit = read_unit(end, after, false);
    if (token.unit == TimeUnit::kNone) {
      // 1分二十秒 in characters, 二分三十秒.
      if (starts_with(end, "分")) {
        size_t rest = end + 3;
        bool fraction = false;
        const auto seconds = read_numeral(rest, rest, fraction);
        if (seconds && starts_with(rest, "秒")) {
          token.seconds = *value * 60 + *seconds;
          token.unit = TimeUnit::kSeconds;
          token.end = next = rest + 3;
          return token;
        }
      }
      for (std::string_view until : {"到", "至", "-", "~"}) {
        if (!starts_with(end, until)) continue;
        size_t second = end + until.size();
        if (starts_with(second, "第")) second += 3;
        bool fraction = false;
        if (read_numeral(second, second, fraction) &&
            read_unit(second, second, false) == TimeUnit::kSeconds) {
          token.seconds = *value;
          token.unit = TimeUnit::kSeconds;
          token.end = next = end;
          return token;
        }
      }
      return std::nullopt;
    }
    token.seconds = *value * unit_seconds(token.unit);
    token.end = after;
    if (starts_with(after, "内") || starts_with(after, "以内")) token.length = true;
    next = after;
    return token;
  }

  // 0 to 9999 in characters, with 点 before decimals.
  std::optional<double> read_numeral(size_t at, size_t& end, bool& fraction) const {
    constexpr std::string_view kDigits[] = {"零", "一", "二", "三", "四", "五",
                                            "六", "七", "八", "九", "两", "〇"};
    const auto digit_at = [&](size_t i) -> int {
      for (int d = 0; d < 12; ++d) {
        if (starts_with(i, kDigits[d])) return d == 10 ? 2 : d == 11 ? 0 : d;
      }
      return -1;
    };
    double total = 0;
    int digit = -1;
    size_t stop = at;
    for (int characters = 0; characters < 8; ++characters) {
      if (const int d = digit_at(stop); d >= 0) {
        if (digit > 0) return std::nullopt;  // 一二: not a number in words
        digit = d;
      } else if (starts_with(stop, "十")) {
        total += 10 * (digit < 0 ? 1 : digit);
        digit = -1;
      } else if (starts_with(stop, "百") && digit > 0) {
        total += 100 * digit;
        digit = -1;
      } else {
        break;
      }
      stop += 3;
    }
    if (stop == at) return std::nullopt;
    if (digit > 0) total += digit;
    if (starts_with(stop, "点") && digit_at(stop + 3) >= 0) {
      fraction = true;
      stop += 3;
      double place = 0.1;
      for (int d; (d = digit_at(stop)) >= 0 && place > 1e-6; stop += 3) {
        total += d * place;
        place /= 10;
      }
    }
    end = stop;
    return total;
  }

  std::string_view text_;
  size_t begin_;
};

}  // namespace

std::vector<TimeToken> scan_times(std::string_view text, size_t begin, size_t end) {
  return TimeScanner(text, begin, std::min(end, text.size())).run();
}

}  // namespace shijian::grounding
