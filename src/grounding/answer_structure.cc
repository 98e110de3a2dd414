// Events in lists and objects, strict or loose.

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>

#include "base/utf8.h"
#include "grounding/answer_parts.h"
#include "grounding/loose_json.h"

namespace shijian::grounding {

RawTime raw_time(const NormalText& text, const TimeToken& token) {
  return {token.seconds, token.reread, token.clock, text.source_range(token.begin, token.end)};
}

namespace {

using Kind = LooseValue::Kind;

enum class Role { kOther, kStart, kEnd, kLength, kTime, kLabel, kIgnored, kOccurs, kContainer };

bool in(std::string_view key, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), key) != names.end();
}
bool begins(std::string_view key, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return key.starts_with(name); });
}

Role role_of(std::string_view key) {
  if (in(key, {"to", "until", "till", "t1", "tend"}) ||
      begins(key, {"end", "stop", "finish", "offset", "结束", "终止", "截止", "终点"})) {
    return Role::kEnd;
  }
  if (in(key, {"from", "since", "t0", "tstart"}) ||
      begins(key, {"start", "begin", "onset", "开始", "起始", "起点"})) {
    return Role::kStart;
  }
  if (begins(key, {"duration", "length", "持续", "时长"})) return Role::kLength;
  if (begins(key,
             {"bbox", "box", "point", "coord", "confidence", "score", "prob", "id", "index",
              "frame", "track", "count", "fps", "置信", "编号", "序号", "帧", "坐标", "number"})) {
    return Role::kIgnored;
  }
  if (in(key, {"range",    "ranges", "span",    "spans",   "interval", "intervals", "segment",
               "segments", "window", "windows", "moment",  "moments",  "t",         "period",
               "periods",  "at",     "second",  "seconds", "时刻",     "区间",      "时段"}) ||
      begins(key, {"time", "时间", "timestamp"})) {
    return Role::kTime;
  }
  if (in(key, {"occurs", "occur", "occurred", "found", "exists", "exist", "present", "happens",
               "happened", "visible", "是否出现", "是否发生", "存在"})) {
    return Role::kOccurs;
  }
  if (in(key, {"events", "answer", "answers", "result", "results", "response", "output", "data",
               "detections", "predictions", "prediction", "clips", "items", "list", "事件列表",
               "结果", "答案", "回答"})) {
    return Role::kContainer;
  }
  if (in(key,
         {"label",    "labels", "event", "description", "desc",    "caption", "name",   "action",
          "activity", "text",   "query", "sentence",    "content", "title",   "object", "what",
          "标签",     "事件",   "描述",  "内容",        "名称",    "动作",    "说明",   "标题"})) {
    return Role::kLabel;
  }
  return Role::kOther;
}

class StructureReader {
 public:
  StructureReader(const NormalText& text, double duration, Findings& found)
      : text_(text), duration_(duration), found_(found) {}

  void read(const LooseValue& value, const std::string& label, bool in_time_key, int depth) {
    if (found_.events.size() >= kMaxRawEvents) {
      found_.too_many = true;
      return;
    }
    switch (value.kind) {
      case Kind::kArray:
        read_array(value, label, in_time_key, depth);
        break;
      case Kind::kObject:
        read_object(value, label, depth);
        break;
      default:
        read_words(value, label, in_time_key);
        break;
    }
  }

 private:
  std::string_view slice(const LooseValue& value) const {
    return std::string_view(text_.text).substr(value.begin, value.end - value.begin);
  }
  bool is_leaf(const LooseValue& value) const {
    return value.kind == Kind::kScalar || value.kind == Kind::kString;
  }
  bool is_null(const LooseValue& value) const {
    if (!is_leaf(value)) return value.items.empty();
    const std::string word = lower(slice(value).substr(0, 8));
    return in(word, {"null", "none", "n/a", "nan", "", "nil", "无", "false", "undefine"});
  }
  // The label as the model wrote it, not its normal form.
  std::string label_of(const LooseValue& value) const {
    return unescape(text_.source_slice(value.begin, value.end));
  }

  // A leaf that is one time and next to nothing else.
  std::optional<TimeToken> as_time(const LooseValue& value) const {
    if (!is_leaf(value) || value.end - value.begin > 64) return std::nullopt;
    const auto tokens = scan_times(text_.text, value.begin, value.end);
    if (tokens.size() != 1) return std::nullopt;
    TimeToken token = tokens[0];
    size_t letters = 0;
    for (size_t i = value.begin; i < value.end; ++i) {
      if ((i < token.begin || i >= token.end) &&
          (is_ascii_letter(text_.text[i]) || static_cast<unsigned char>(text_.text[i]) >= 0x80)) {
        ++letters;
      }
    }
    if (letters > 8) return std::nullopt;
    // Inside a structure a minus sign can stand right at the start of the value.
    if (token.begin > value.begin && text_.text[token.begin - 1] == '-' && token.seconds > 0) {
      token.seconds = -token.seconds;
    }
    return token;
  }

  void add(RawTime start, RawTime end, bool moment, std::string label) {
    RawEvent event;
    event.start = start;
    event.end = end;
    event.moment = moment;
    event.label = std::move(label);
    found_.events.push_back(std::move(event));
  }

  // The last pair of a text that was cut off: its second number may lack digits.
  void add_pair(const TimeToken& start, const TimeToken& end, const std::string& label) {
    const bool at_end = end.end >= text_.text.size();
    if (start.seconds < 0 && end.seconds < 0) {  // [-1, -1]
      found_.denial = true;
    } else if (at_end && end.seconds < start.seconds) {
      found_.truncated = true;
    } else {
      add(raw_time(text_, start), raw_time(text_, end), false, label);
    }
  }

  void read_words(const LooseValue& value, const std::string& label, bool in_time_key) {
    const auto time = as_time(value);
    if (time && (in_time_key || time->clock || time->unit != TimeUnit::kNone)) {
      add(raw_time(text_, *time), raw_time(text_, *time), true, label);
      return;
    }
    if (time) return;  // a bare number that nobody calls a time
    // A sentence that happens to be a value must speak of times itself.
    Findings inner = read_prose(text_, text_.text, value.begin, value.end, duration_, in_time_key);
    for (RawEvent& event : inner.events) {
      if (!label.empty()) event.label = label;
      found_.events.push_back(std::move(event));
    }
  }

  void read_array(const LooseValue& array, const std::string& label, bool in_time_key, int depth) {
    if (array.items.empty()) {
      if (array.closed && (depth == 0 || in_time_key)) found_.denial = true;
      return;
    }
    const bool leaves = std::all_of(array.items.begin(), array.items.end(),
                                    [&](const LooseValue& item) { return is_leaf(item); });
    if (!leaves) {
      for (const LooseValue& item : array.items) read(item, label, true, depth + 1);
      return;
    }
    std::vector<TimeToken> times;
    std::string own_label = label;
    size_t words = 0;
    for (const LooseValue& item : array.items) {
      if (const auto time = as_time(item)) {
        times.push_back(*time);
      } else if (!is_null(item)) {
        ++words;
        if (words == 1 && item.kind == Kind::kString) own_label = label_of(item);
      }
    }
    if (times.empty() && words == 0) {  // [null, null]
      found_.denial = true;
    } else if (times.size() == 2 && words <= 1) {
      add_pair(times[0], times[1], words == 1 ? own_label : label);
    } else if (words == 0 && times.size() == 1) {
      if (!array.closed || times[0].end >= text_.text.size()) {
        found_.truncated = true;
      } else if (times[0].seconds >= 0 && (depth > 0 || times[0].decimal || times[0].clock)) {
        add(raw_time(text_, times[0]), raw_time(text_, times[0]), true, label);
      }
    } else if (words == 0 && times.size() > 2) {
      read_flat(times, label);
    } else {
      for (const LooseValue& item : array.items) read_words(item, label, in_time_key);
    }
  }

  // [1.0, 2.0, 5.0, 7.0]: pairs without their brackets, or three moments. Whole numbers past the
  // clip's end are a box.
  void read_flat(const std::vector<TimeToken>& times, const std::string& label) {
    const bool box = times.size() == 4 &&
                     std::all_of(times.begin(), times.end(),
                                 [](const TimeToken& t) { return !t.decimal && !t.clock; }) &&
                     std::any_of(times.begin(), times.end(),
                                 [&](const TimeToken& t) { return t.seconds > duration_ + 1; });
    if (box) return;
    found_.malformed = true;
    if (times.size() % 2 == 0) {
      for (size_t i = 0; i + 1 < times.size(); i += 2) add_pair(times[i], times[i + 1], label);
    } else {
      for (const TimeToken& t : times) add(raw_time(text_, t), raw_time(text_, t), true, label);
    }
  }

  void read_object(const LooseValue& object, const std::string& inherited, int depth) {
    if (object.items.empty()) {
      if (object.closed && depth <= 1) found_.denial = true;  // {} or [{}]
      return;
    }
    const LooseValue* start = nullptr;
    const LooseValue* end = nullptr;
    const LooseValue* length = nullptr;
    std::vector<const LooseValue*> times;
    std::string label = inherited;
    double scale_start = 1, scale_end = 1;
    std::vector<Role> roles(object.items.size());
    for (size_t i = 0; i < object.items.size(); ++i) {
      const LooseValue& value = object.items[i];
      std::string key;
      for (char c : lower(slice(object.keys[i]).substr(0, 64))) {
        if (c != ' ' && c != '_' && c != '-') key.push_back(c);
      }
      roles[i] = role_of(key);
      const double scale = key.ends_with("ms") || key.ends_with("milliseconds") ? 1e-3 : 1;
      switch (roles[i]) {
        case Role::kStart:
          if (start) split_repeated(object, start, end, length, label, scale_start, scale_end);
          start = &value;
          scale_start = scale;
          break;
        case Role::kEnd:
          end = &value;
          scale_end = scale;
          break;
        case Role::kLength:
          length = &value;
          break;
        case Role::kTime:
          times.push_back(&value);
          break;
        case Role::kLabel:
          if (is_leaf(value) && !is_null(value)) label = label_of(value);
          break;
        case Role::kOccurs:
          if (in(lower(slice(value).substr(0, 6)), {"false", "no", "0", "否", "没有"})) {
            found_.denial = true;
          }
          break;
        default:
          break;
      }
    }
    const size_t before = found_.events.size();
    add_start_end(object, start, end, length, label, scale_start, scale_end);
    for (const LooseValue* time : times) {
      if (is_leaf(*time) && is_null(*time)) {
        found_.denial |= start == nullptr;
      } else {
        read(*time, label, true, depth + 1);
      }
    }
    for (size_t i = 0; i < object.items.size(); ++i) {
      read_member(object, i, roles[i], label, inherited, depth);
    }
    if (found_.events.size() > before) return;
    // No time under any name we know: perhaps a sentence among the values has one.
    for (size_t i = 0; i < object.items.size(); ++i) {
      if (is_leaf(object.items[i]) && roles[i] != Role::kIgnored && roles[i] != Role::kLength) {
        read_words(object.items[i], roles[i] == Role::kLabel ? std::string() : label, false);
      }
    }
  }

  // {"start": 1, "end": 2, "label": "a", "start": 3, ...}: brackets between two objects are
  // missing.
  void split_repeated(const LooseValue& object, const LooseValue*& start, const LooseValue*& end,
                      const LooseValue*& length, std::string& label, double scale_start,
                      double scale_end) {
    found_.malformed = true;
    add_start_end(object, start, end, length, label, scale_start, scale_end);
    start = end = length = nullptr;
  }

  void add_start_end(const LooseValue& object, const LooseValue* start, const LooseValue* end,
                     const LooseValue* length, const std::string& label, double scale_start,
                     double scale_end) {
    if (!start && !end) return;
    auto first = start ? as_time(*start) : std::nullopt;
    auto last = end ? as_time(*end) : std::nullopt;
    const bool to_end = end && is_leaf(*end) && !last && names_the_end(slice(*end));
    if (first) first->seconds *= scale_start;
    if (last) last->seconds *= scale_end;
    if (first && last) {
      add_pair(*first, *last, label);
    } else if (first && to_end) {
      RawTime stop;
      stop.seconds = duration_;
      add(raw_time(text_, *first), stop, false, label);
    } else if (first && length && as_time(*length)) {
      RawTime stop = raw_time(text_, *as_time(*length));
      stop.seconds += first->seconds;
      stop.clock = false;
      add(raw_time(text_, *first), stop, false, label);
    } else if (first) {
      if (!object.closed && !end) {
        found_.truncated = true;
      } else if (first->seconds >= 0) {
        add(raw_time(text_, *first), raw_time(text_, *first), true, label);
      }
    } else if (start && end && is_null(*start) && is_null(*end)) {
      found_.denial = true;
    } else if (last) {
      found_.malformed = true;
    }
  }

  static bool names_the_end(std::string_view word) {
    return in(lower(word.substr(0, 32)), {"end", "the end", "end of video", "end of the video",
                                          "video end", "结束", "视频结束", "结尾", "片尾", "最后"});
  }

  // Members other than the known ones: {"00:23 - 00:48": "label"}, {"dog jumps": [3, 5]},
  // {"events": [...]}.
  void read_member(const LooseValue& object, size_t i, Role role, const std::string& label,
                   const std::string& inherited, int depth) {
    const LooseValue& key = object.keys[i];
    const LooseValue& value = object.items[i];
    if (role == Role::kContainer || (role == Role::kLabel && !is_leaf(value))) {
      if (value.kind == Kind::kArray && value.items.empty() && value.closed) found_.denial = true;
      if (is_leaf(value)) {
        if (is_null(value) && value.end > value.begin) found_.denial = true;
        return;
      }
      read(value, inherited, role == Role::kContainer && value.kind == Kind::kArray, depth + 1);
      return;
    }
    if (role != Role::kOther) return;
    if (key.end > key.begin && key.end - key.begin <= 64) {
      const auto tokens = scan_times(text_.text, key.begin, key.end);
      const bool timed =
          tokens.size() == 2 || (tokens.size() == 1 && (tokens[0].clock || tokens[0].decimal ||
                                                        tokens[0].unit != TimeUnit::kNone));
      if (timed) {
        Findings inner = read_prose(text_, text_.text, key.begin, key.end, duration_, true);
        for (RawEvent& event : inner.events) {
          event.label = is_leaf(value) ? label_of(value) : label;
          found_.events.push_back(std::move(event));
        }
        if (!inner.events.empty()) return;
      }
    }
    if (!is_leaf(value)) {
      const bool named = key.end > key.begin;
      read(value, named && value.kind == Kind::kArray ? label_of(key) : label, named, depth + 1);
    } else if (scan_times(text_.text, value.begin, std::min(value.end, value.begin + 64)).size() ==
               2) {
      read_words(value, key.end > key.begin ? label_of(key) : label, true);
    }
  }

  const NormalText& text_;
  double duration_;
  Findings& found_;
};

// Where `"start":` stands although no bracket is open: the opening one was forgotten.
size_t find_bare_member(std::string_view text, size_t at, size_t end) {
  for (std::string_view key : {"start", "begin", "开始", "time", "timestamp", "label"}) {
    for (size_t i = text.find(key, at); i < end; i = text.find(key, i + 1)) {
      if (i <= at || (text[i - 1] != '"' && text[i - 1] != '\'')) continue;
      size_t stop = i + key.size();
      while (stop < end && stop - i < 24 && text[stop] != text[i - 1] && text[stop] != '\n') ++stop;
      if (stop + 1 < end && text[stop] == text[i - 1] && text[stop + 1] == ':') return i - 1;
    }
  }
  return std::string_view::npos;
}

}  // namespace

Findings read_structures(const NormalText& text, double duration, std::string& masked) {
  Findings found;
  masked = text.text;
  const std::string_view all = text.text;
  StructureReader reader(text, duration, found);
  const auto take = [&](const LooseParse& parse, size_t begin) {
    const size_t events = found.events.size();
    const bool denial = found.denial;
    reader.read(parse.value, {}, false, 0);
    if (found.events.size() > events || found.denial != denial) {
      found.malformed |= parse.malformed || parse.cut;
    }
    if (parse.value.closed || found.events.size() > events) {
      for (size_t i = begin; i < parse.end; ++i) {
        if (masked[i] != '\n') masked[i] = ' ';
      }
    }
  };
  size_t at = 0;
  const size_t member = find_bare_member(all, 0, std::min(all.find_first_of("[{"), all.size()));
  if (member != std::string_view::npos) {
    const LooseParse parse = parse_loose_members(all, member);
    take(parse, member);
    at = parse.end;
  }
  while ((at = all.find_first_of("[{", at)) != std::string_view::npos) {
    const LooseParse parse = parse_loose(all, at);
    take(parse, at);
    at = std::max(parse.end, at + 1);
  }
  return found;
}

}  // namespace shijian::grounding
