// Events in sentences and lines, English and Chinese.
//
// The times of the text are found first (time_scan); what stands between two of them decides
// whether they are the ends of one interval, and what stands around a lone one whether it is a
// moment, an end of something open, or the length of something.

#include <algorithm>
#include <cmath>
#include <string>

#include "grounding/answer_parts.h"
#include "grounding/prose_context.h"

namespace shijian::grounding {

namespace {

// Words between two times that say nothing about how they belong together.
bool is_filler(std::string_view word) {
  return in(
      word,
      {"second",        "seconds",   "sec",  "secs", "s",  "the",   "about", "around",   "roughly",
       "time",          "timestamp", "mark", "at",   "of", "video", "in",    "into",     "point",
       "approximately", "this",      "clip", "its",  "it", "is",    "was",   "timecode", "t"});
}

const Names kStartWords = {"start",     "starts", "starting", "started", "begin",   "begins",
                           "beginning", "began",  "from",     "appear",  "appears", "appeared",
                           "enter",     "enters", "entering", "entered", "onset",   "between",
                           "emerges",   "comes",  "shows",    "visible", "seen",    "takes",
                           "happens",   "occurs"};
const Names kEndWords = {"end",       "ends",       "ending",      "ended",    "until",  "till",
                         "finish",    "finishes",   "finished",    "stop",     "stops",  "stopped",
                         "disappear", "disappears", "disappeared", "leaves",   "leave",  "leaving",
                         "exits",     "exit",       "concludes",   "vanishes", "through"};
const Names kConnectors = {"to", "until", "till", "through", "thru", "upto", "til"};
const Names kHanStart = {"从", "由", "自", "开始", "起", "出现", "进入", "始于"};
const Names kHanEnd = {"结束", "终止", "截止", "为止", "消失", "离开", "停止",
                       "停下", "熄灭", "直到", "到",   "至",   "终于", "止"};
const Names kTimeWords = {"from",  "between", "happens",  "happen",    "occurs",    "occur",
                          "time",  "times",   "interval", "intervals", "second",    "seconds",
                          "span",  "spans",   "start",    "starts",    "timestamp", "timestamps",
                          "range", "during",  "duration", "moment",    "segment",   "occurring"};
const Names kHanTime = {"时间", "发生", "秒", "出现", "从", "在", "区间", "片段", "时段"};

class ProseReader {
 public:
  ProseReader(const NormalText& source, std::string_view prose, size_t begin, size_t end,
              double duration, bool in_structure)
      : source_(source),
        text_(prose.substr(0, end)),
        begin_(begin),
        duration_(duration),
        in_structure_(in_structure),
        times_(scan_times(text_, begin, end)),
        denials_(find_denials(text_.substr(std::min(begin, text_.size())))) {}

  Findings run() {
    bool chain = false;  // the time before belonged to an interval, so may "10 - 12" after it
    for (size_t i = 0; i < times_.size();) {
      if (found_.events.size() >= kMaxRawEvents) {
        found_.too_many = true;
        break;
      }
      const size_t used = i + 1 < times_.size() ? read_pair(i, chain) : 0;
      chain = used == 2;
      if (used == 0) read_single(i);
      i += used == 0 ? 1 : used;
    }
    if (found_.events.empty() && times_.empty() && denials_.empty()) read_whole_clip();
    drop_repeated_moments();
    set_labels();
    return std::move(found_);
  }

 private:
  struct Placed {
    size_t event;       // index into found_.events
    size_t begin, end;  // of its times in the text
  };

  // From the time, line or sentence before to time i, at most 160 bytes.
  Context before(size_t i) const {
    const size_t stop = times_[i].begin;
    size_t start = i > 0 ? times_[i - 1].end : begin_;
    start = std::max(start, stop > begin_ + 160 ? stop - 160 : begin_);
    for (size_t at = stop; at > start; --at) {
      const char c = text_[at - 1];
      const bool sentence = (c == '.' || c == '!' || c == '?') && at < stop && text_[at] == ' ';
      if (c == '\n' || sentence || (at >= start + 3 && text_.substr(at - 3, 3) == "。")) {
        start = at;
        break;
      }
    }
    while (start < stop && (static_cast<unsigned char>(text_[start]) & 0xC0) == 0x80) ++start;
    return read_context(text_, start, stop);
  }
  Context after(size_t i) const {
    const size_t start = times_[i].end;
    size_t stop = std::min(text_.size(), start + 60);
    if (i + 1 < times_.size()) stop = std::min(stop, times_[i + 1].begin);
    for (size_t at = start; at < stop; ++at) {
      const char c = text_[at];
      if (c == '\n' || c == ';' || c == '!' ||
          (c == '.' && (at + 1 >= text_.size() || text_[at + 1] == ' '))) {
        stop = at;
      }
    }
    while (stop > start && stop < text_.size() &&
           (static_cast<unsigned char>(text_[stop]) & 0xC0) == 0x80) {
      --stop;
    }
    return read_context(text_, start, stop);
  }

  char neighbour_left(size_t at) const {
    while (at > begin_ && (text_[at - 1] == ' ' || text_[at - 1] == '"')) --at;
    return at > begin_ ? text_[at - 1] : '\0';
  }
  char neighbour_right(size_t at) const {
    while (at < text_.size() && (text_[at] == ' ' || text_[at] == '"')) ++at;
    return at < text_.size() ? text_[at] : '\0';
  }

  bool denied(size_t at) const {
    const size_t local = at - begin_;
    const auto after = std::upper_bound(denials_.begin(), denials_.end(), local,
                                        [](size_t v, const TextRange& r) { return v < r.begin; });
    return after != denials_.begin() && local < std::prev(after)->end;
  }

  // "In the 0.0 - 30.0 seconds of the video, no cat appears": the times stand in a clause that
  // says nothing else, right before the denial.
  bool introduces_denial(size_t begin, size_t end) const {
    const auto next = std::lower_bound(denials_.begin(), denials_.end(), end - begin_,
                                       [](const TextRange& r, size_t v) { return r.begin < v; });
    if (next == denials_.end() || next->begin + begin_ > end + 60) return false;
    const Context between = read_context(text_, end, next->begin + begin_);
    const Context pre = read_context(text_, begin > begin_ + 30 ? begin - 30 : begin_, begin);
    const auto idle = [](const std::string& word) {
      return is_filler(word) ||
             in(word, {"from", "during", "within", "between", "entire", "whole"});
    };
    return between.symbols == "," &&
           std::all_of(between.words.begin(), between.words.end(), idle) &&
           std::all_of(pre.words.begin(), pre.words.end(), idle) &&
           in(between.han, {"", "的视频中", "的视频里", "内", "之间", "期间", "的画面中",
                            "的时间内", "的视频内"}) &&
           in(pre.han, {"", "在", "从", "整个视频从", "视频从", "视频"});
  }

  enum class Link { kNone, kInterval, kStated, kLength };

  // How time i and time i + 1 belong together. kStated: words of start and end say so, which
  // holds for bare numbers too.
  Link link(size_t i) const {
    const TimeToken& a = times_[i];
    const TimeToken& b = times_[i + 1];
    if (b.begin - a.end > 100 || a.length) return Link::kNone;
    const Context gap = read_context(text_, a.end, b.begin);
    if (b.length) return Link::kNone;
    std::vector<std::string_view> words;
    for (const std::string& word : gap.words) {
      if (!is_filler(word)) words.push_back(word);
    }
    std::string han = gap.han;
    for (std::string_view filler : {"大约", "大概", "左右", "时刻", "位置", "视频", "约", "第",
                                    "时", "处", "的", "就", "一直", "这"}) {
      for (size_t at; (at = han.find(filler)) != std::string::npos;) han.erase(at, filler.size());
    }
    std::string dashes = gap.symbols;
    std::erase_if(dashes, [](char c) { return c == '.' || c == ':' || c == '='; });
    // A row of a table, or nothing but two numbers.
    const std::string_view between = text_.substr(a.end, b.begin - a.end);
    const bool alike = (a.decimal && b.decimal) || (a.clock && b.clock);
    if (words.empty() && han.empty() && !gap.new_line && alike) {
      const bool cells = between.find('|') != std::string_view::npos && gap.symbols.empty() &&
                         neighbour_left(a.begin) == '|';
      const bool alone = times_.size() == 2 && in(gap.symbols, {"", ","}) &&
                         neighbour_left(a.begin) == '\0' && neighbour_right(b.end) == '\0' &&
                         !a.clock;
      if (cells || alone) return Link::kStated;
    }
    const bool dots = gap.symbols == ".." || gap.symbols == "...";
    const bool dash = in(dashes, {"-", "--", "---", "->", "-->", "~", ">"}) || dots;
    const bool bullet = gap.new_line && dash;
    if (words.empty() && han.empty() && dash && !bullet) return Link::kInterval;
    const bool loose_marks = in(dashes, {"", ",", "-", "->"}) && !dots;
    if (words.size() == 1 && in(words[0], kConnectors) && han.empty() && loose_marks) {
      return Link::kInterval;
    }
    if (words.size() == 2 && words[0] == "up" && words[1] == "to" && han.empty()) {
      return Link::kInterval;
    }
    if (words.empty() && loose_marks &&
        in(han, {"到", "至", "直到", "直至", "持续到", "持续至", "延续到", "开始到", "开始至",
                 "起到", "起至", "开始持续到", "开始直到", "与到", "往"})) {
      return Link::kInterval;
    }
    const Context pre = before(i);
    const Context post = after(i + 1);
    if (words.size() == 1 && words[0] == "and" && pre.has({"between"})) return Link::kInterval;
    if (words.empty() && in(han, {"和", "与", "及", "跟"}) &&
        begins_with_any(post.han, {"之间", "间"})) {
      return Link::kInterval;
    }
    if (words.empty() && han.empty() && gap.symbols == ",") {
      const char left = neighbour_left(a.begin), right = neighbour_right(b.end);
      if ((left == '(' || left == '[' || left == '<') &&
          (right == ')' || right == ']' || right == '>')) {
        return Link::kStated;
      }
    }
    const bool starts = pre.has(kStartWords) || has_any(pre.han, kHanStart) ||
                        has_any(gap.han, {"开始", "出现", "进入", "亮起", "起"});
    if (starts) {
      const bool lasts = gap.has({"last", "lasts", "lasting", "continues", "for"}) ||
                         has_any(gap.han, {"持续", "历时"});
      const bool ends =
          gap.has(kEndWords) || has_any(gap.han, kHanEnd) || begins_with_any(post.han, kHanEnd);
      // A new start between the two belongs to another interval.
      const bool again =
          gap.has({"again", "another", "second"}) && gap.has(kStartWords) && !gap.has(kEndWords);
      if (lasts && !ends && !a.ordinal && b.unit != TimeUnit::kNone && !b.ordinal) {
        return Link::kLength;
      }
      if (ends && !again && !denied(b.begin)) return Link::kStated;
    }
    return Link::kNone;
  }

  // Bare whole numbers are times only where something says so: "2-1" is a score.
  bool speaks_of_time(size_t i) const {
    const TimeToken& a = times_[i];
    const TimeToken& b = times_[i + 1];
    if (in_structure_ || a.clock || b.clock || a.decimal || b.decimal || a.ordinal || b.ordinal ||
        a.unit != TimeUnit::kNone || b.unit != TimeUnit::kNone) {
      return true;
    }
    const Context pre = before(i);
    if (pre.has(kTimeWords) || has_any(pre.han, kHanTime)) return true;
    // The next interval of a list may carry the unit: "3-5, 8-9 seconds".
    for (size_t next = i + 2; next < std::min(i + 8, times_.size()); ++next) {
      if (times_[next].begin - times_[next - 1].end > 8) break;
      if (times_[next].unit != TimeUnit::kNone) return true;
    }
    const Context post = after(i + 1);
    return pre.words.empty() && post.words.empty() && pre.han.empty() && post.han.empty();
  }

  // Reads an interval from times i and i + 1; 2 when it did.
  size_t read_pair(size_t i, bool chain) {
    const Link how = link(i);
    if (how == Link::kNone) return 0;
    if (how == Link::kInterval && !chain && !speaks_of_time(i)) return 2;  // passed over: a score
    TimeToken a = times_[i];
    const TimeToken& b = times_[i + 1];
    // "1 - 2 minutes"
    if (a.unit == TimeUnit::kNone && !a.clock &&
        (b.unit == TimeUnit::kMinutes || b.unit == TimeUnit::kHours ||
         b.unit == TimeUnit::kMilliseconds) &&
        b.seconds > 0) {
      const double factor = b.unit == TimeUnit::kMilliseconds ? 1e-3
                            : b.unit == TimeUnit::kMinutes    ? 60
                                                              : 3600;
      a.seconds *= factor;
    }
    RawEvent event;
    event.start = raw_time(source_, a);
    event.end = raw_time(source_, b);
    if (how == Link::kLength) {
      event.end.seconds += event.start.seconds;
      event.end.reread = -1;
      event.end.clock = event.start.clock;
    }
    event.denied = denied(a.begin) || introduces_denial(a.begin, b.end);
    place(std::move(event), a.begin, b.end);
    return 2;
  }

  void read_single(size_t i) {
    const TimeToken& t = times_[i];
    if (t.seconds < 0) return;
    const Context pre = before(i);
    const Context post = after(i);
    const bool written_as_time = t.clock || t.ordinal || t.unit != TimeUnit::kNone;
    RawEvent event;
    event.start = event.end = raw_time(source_, t);
    event.denied = denied(t.begin);
    if (!event.denied && read_open(t, pre, post, written_as_time, event)) {
      place(std::move(event), t.begin, t.end);
      return;
    }
    if (t.length || event.denied) return;
    if (!t.clock && !t.ordinal && repeats_length(t.seconds)) return;
    const bool alone = t.decimal && times_.size() == 1 && neighbour_left(t.begin) == '\0' &&
                       neighbour_right(t.end) == '\0';
    if (!written_as_time && !alone) {
      if (!in_structure_ &&
          !(t.decimal && in(pre.last_exact(), {"at", "timestamp", "time", "moment"})) &&
          !(t.decimal && pre.symbols.ends_with("@"))) {
        return;
      }
    }
    if (!t.ordinal && !t.clock) {  // a length: "for 3 seconds", "10 seconds long", 持续3秒
      if (in(pre.last_exact(),
             {"for", "lasting", "lasts", "last", "lasted", "within", "every", "per", "total",
              "takes", "took", "over", "under", "than", "only", "another", "only", "next"}) ||
          pre.has({"duration", "length", "long", "lasts", "lasting"}) ||
          in(post.first(), {"long", "later", "clip", "video", "footage", "apart", "total", "in"}) ||
          ends_with_any(pre.han,
                        {"持续", "持续了", "时长", "时长为", "共", "总共", "长", "历时", "长达",
                         "用时", "每", "间隔", "持续约", "长度为", "总时长为", "为时", "全长"}) ||
          begins_with_any(post.han,
                          {"长", "后", "之后", "的视频", "的片段", "的时长", "时长", "钟后"})) {
        return;
      }
    }
    event.moment = true;
    place(std::move(event), t.begin, t.end);
  }

  // "3.5 - 6.0 s (2.5 seconds)": the length of the interval just read.
  bool repeats_length(double seconds) const {
    if (found_.events.empty() || found_.events.back().moment) return false;
    const RawEvent& last = found_.events.back();
    return std::abs(std::abs(last.end.seconds - last.start.seconds) - seconds) < 0.06;
  }

  // One written time, the other said in words: "until 5 s", "the first 3 seconds", 前3秒,
  // "from 5 s to the end", 从开头到5秒.
  bool read_open(const TimeToken& t, const Context& pre, const Context& post, bool written_as_time,
                 RawEvent& event) const {
    if (!written_as_time && !t.length && !t.decimal) return false;
    const bool plain = !t.clock && !t.ordinal;
    RawTime first, last;
    last.seconds = duration_;
    const std::string_view lead = pre.last_exact();
    if (plain && (in(lead, {"first", "initial", "opening"}) ||
                  ends_with_any(pre.han, {"前", "最初", "开头", "最开始", "开始的"}))) {
      event.start = first;
      return true;
    }
    if (plain && (in(lead, {"last", "final", "closing"}) ||
                  ends_with_any(pre.han, {"最后", "末尾", "结尾"}))) {
      event.start.seconds = std::max(0.0, duration_ - t.seconds);
      event.end = last;
      return true;
    }
    const bool onward =
        post.first().starts_with("onward") ||
        (post.has({"to", "until", "till", "through"}) &&
         post.has({"end", "ends", "ending", "finish", "finishes"})) ||
        has_any(post.han, {"到最后", "到结束", "到视频结束", "到结尾", "到片尾", "到末尾",
                           "到视频最后", "到视频的最后", "到视频末尾", "到视频结尾", "到视频的结尾",
                           "到影片结束", "至结束", "至最后", "至视频结束", "至结尾"});
    if (onward) {
      event.end = last;
      return true;
    }
    const bool to_here = in(lead, {"to", "until", "till", "through"}) ||
                         ends_with_any(pre.han, {"到", "至", "直到", "持续到", "到第", "到约"});
    if (to_here && (pre.has({"start", "beginning", "onset", "outset"}) ||
                    has_any(pre.han, {"开头", "开始", "开场", "片头", "一开始", "起初"}))) {
      event.start = first;
      return true;
    }
    if (to_here && in(lead, {"until", "till"})) {
      event.start = first;
      return true;
    }
    return false;
  }

  void read_whole_clip() {
    const std::string words =
        lower(text_.substr(begin_, std::min<size_t>(text_.size() - begin_, 4000)));
    if (!has_any(words, {"throughout the", "entire video", "whole video", "entire clip",
                         "whole clip", "from beginning to end", "from start to finish", "整个视频",
                         "全程", "从头到尾", "始终", "整段视频", "自始至终"})) {
      return;
    }
    RawEvent event;
    event.end.seconds = duration_;
    found_.events.push_back(std::move(event));
  }

  void place(RawEvent event, size_t begin, size_t end) {
    placed_.push_back({found_.events.size(), begin, end});
    found_.events.push_back(std::move(event));
  }

  // "It appears at 3.0 s ... from 3.0 to 5.0 s": the moment only repeats an interval's start.
  void drop_repeated_moments() {
    std::vector<std::pair<double, double>> spans;
    for (const RawEvent& event : found_.events) {
      if (!event.moment) {
        spans.push_back(std::minmax(event.start.seconds, event.end.seconds));
      }
    }
    if (spans.empty()) return;
    std::sort(spans.begin(), spans.end());
    for (size_t i = 1; i < spans.size(); ++i) {
      spans[i].second = std::max(spans[i].second, spans[i - 1].second);
    }
    const auto covered = [&](double t) {
      const auto next = std::upper_bound(spans.begin(), spans.end(), t + 0.05,
                                         [](double v, const auto& span) { return v < span.first; });
      return next != spans.begin() && t <= std::prev(next)->second + 0.05;
    };
    std::vector<RawEvent> kept;
    std::vector<Placed> kept_places;
    size_t place_index = 0;
    for (size_t i = 0; i < found_.events.size(); ++i) {
      while (place_index < placed_.size() && placed_[place_index].event < i) ++place_index;
      if (found_.events[i].moment && covered(found_.events[i].start.seconds)) continue;
      if (place_index < placed_.size() && placed_[place_index].event == i) {
        kept_places.push_back({kept.size(), placed_[place_index].begin, placed_[place_index].end});
      }
      kept.push_back(std::move(found_.events[i]));
    }
    found_.events = std::move(kept);
    placed_ = std::move(kept_places);
  }

  // A line with one event may name it: "1. Dog jumps: 3.0 - 5.0 s", "00:05 - 00:12: a man ...".
  void set_labels() {
    if (in_structure_) return;
    for (size_t i = 0; i < placed_.size(); ++i) {
      const Placed& place = placed_[i];
      const size_t from = i > 0 ? placed_[i - 1].end : begin_;
      const size_t to = i + 1 < placed_.size() ? placed_[i + 1].begin : text_.size();
      const size_t back = text_.substr(from, place.begin - from).rfind('\n');
      const size_t ahead = text_.substr(place.end, to - place.end).find('\n');
      // No line break on one side: the neighbour shares the line.
      if (back == std::string_view::npos && i > 0) continue;
      if (ahead == std::string_view::npos && i + 1 < placed_.size()) continue;
      const size_t line_begin = back == std::string_view::npos ? from : from + back + 1;
      const size_t line_end = ahead == std::string_view::npos ? to : place.end + ahead;
      const LabelRange label = find_label(text_, line_begin, line_end, place.begin, place.end);
      found_.events[place.event].label = std::string(source_.source_slice(label.begin, label.end));
    }
  }

  const NormalText& source_;
  std::string_view text_;
  size_t begin_;
  double duration_;
  bool in_structure_;
  std::vector<TimeToken> times_;
  std::vector<TextRange> denials_;  // counted from begin_
  Findings found_;
  std::vector<Placed> placed_;
};

}  // namespace

Findings read_prose(const NormalText& text, std::string_view prose, size_t begin, size_t end,
                    double duration, bool in_structure) {
  return ProseReader(text, prose, begin, end, duration, in_structure).run();
}

}  // namespace shijian::grounding
