#include "grounding/prose_context.h"

#include "base/utf8.h"
#include "grounding/normal_text.h"

namespace shijian::grounding {

Context read_context(std::string_view text, size_t begin, size_t end) {
  Context context;
  for (size_t at = begin; at < end;) {
    const char c = text[at];
    if (is_ascii_letter(c)) {
      std::string word;
      while (at < end && (is_ascii_letter(text[at]) || text[at] == '\'')) {
        if (text[at] != '\'') word.push_back(lower(text[at]));
        ++at;
      }
      context.words.push_back(std::move(word));
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      const size_t size = read_utf8(text, at).size;
      context.han.append(text.substr(at, size));
      at += size;
    } else {
      if (c == '\n') context.new_line = true;
      if (c != ' ' && c != '\n' && c != '\t' && c != '\r' && c != '*' && c != '_' && c != '`' &&
          c != '"' && c != '\'' && c != '(' && c != ')' && c != '[' && c != ']' && c != '|' &&
          c != '<' && !is_digit(c)) {
        if (c != '>' || (at > begin && (text[at - 1] == '-' || text[at - 1] == '=')))
          context.symbols.push_back(c);
      }
      ++at;
    }
  }
  return context;
}

LabelRange find_label(std::string_view text, size_t line_begin, size_t line_end, size_t times_begin,
                      size_t times_end) {
  const auto decoration = [](char c) {
    return c == ' ' || c == '*' || c == '_' || c == '`' || c == '"' || c == '\'' || c == '|' ||
           c == '#' || c == '>' || c == '\r' || c == '\t';
  };
  size_t b = line_begin, e = times_begin;
  while (b < e && (decoration(text[b]) || text[b] == '-' || text[b] == '+')) ++b;
  size_t number = b;  // "1." or "1)"
  while (number < e && is_digit(text[number])) ++number;
  const bool listed = b > line_begin || (number > b && number < e);
  if (number > b && number < e && (text[number] == '.' || text[number] == ')')) {
    b = number + 1;
    while (b < e && decoration(text[b])) ++b;
  }
  while (e > b && (decoration(text[e - 1]) || text[e - 1] == '[' || text[e - 1] == '<')) --e;
  size_t label_begin = 0, label_end = 0;
  if (e == b || (e == b + 1 && (text[b] == '(' || text[b] == '['))) {
    // Behind the times: set off by a mark, in a list, or after a clock time.
    size_t mark = times_end;
    while (mark < line_end && decoration(text[mark])) ++mark;
    const bool set_off = mark < line_end && (text[mark] == ':' || text[mark] == '-' ||
                                             text[mark] == ')' || text[mark] == ']');
    const std::string_view times = text.substr(times_begin, times_end - times_begin);
    if (!set_off && !listed && times.find(':') == std::string_view::npos) return {};
    label_begin = times_end;
    label_end = line_end;
  } else if (const char mark = text[e - 1];
             mark == ':' || mark == '=' || mark == '(' || (mark == '-' && listed)) {
    label_begin = b;
    label_end = e - 1;
  } else {
    return {};
  }
  const auto edge = [&](char c) {
    return decoration(c) || c == ':' || c == ')' || c == ']' || c == ',' || c == '-' || c == '.' ||
           c == ';' || c == '~' || c == '(' || c == '[' || c == '=';
  };
  while (label_begin < label_end && edge(text[label_begin])) ++label_begin;
  while (label_end > label_begin && edge(text[label_end - 1])) --label_end;
  if (label_end - label_begin > 300) return {};
  const std::string name = lower(text.substr(label_begin, label_end - label_begin));
  if (name.empty() ||
      ends_with_any(name, {"time",      "times",      "interval", "intervals", "range",  "ranges",
                           "timestamp", "timestamps", "answer",   "seconds",   "second", "duration",
                           "span",      "spans",      "start",    "starts",    "event",  "events",
                           "moment",    "moments",    "segment",  "segments",  "output", "result",
                           "from",      "begin",      "begins",   "时间",      "时间段", "答案",
                           "回答",      "时间范围",   "时间戳",   "时刻",      "秒",     "事件",
                           "结果",      "区间",       "开始",     "结束",      "起始",   "从",
                           "。"}) ||
      in(name, {"s", "approximately"})) {
    return {};
  }
  return {label_begin, label_end};
}

}  // namespace shijian::grounding
