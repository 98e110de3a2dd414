// "It does not occur", in the many ways a model says so, apart from "I cannot tell".

#include <algorithm>
#include <array>
#include <initializer_list>

#include "base/utf8.h"
#include "grounding/answer_parts.h"

namespace shijian::grounding {

namespace {

using Words = std::initializer_list<std::string_view>;

// Whether `text` has one of `words`; ASCII words count only as whole words.
bool has_any(std::string_view text, const Words& words) {
  for (std::string_view word : words) {
    for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
      if (static_cast<unsigned char>(word[0]) >= 0x80) return true;
      const bool left = at == 0 || !is_ascii_letter(text[at - 1]);
      const size_t stop = at + word.size();
      if (left && (stop == text.size() || !is_ascii_letter(text[stop]))) return true;
    }
  }
  return false;
}

enum class Tone { kPlain, kNegated, kDenied };

// kNegated: something is not so; kDenied: something does not occur or is not there.
Tone tone_of(std::string_view clause) {
  static const Words kEnglishNo = {"not",    "no",     "never",    "none",    "nothing", "nowhere",
                                   "isn't",  "aren't", "wasn't",   "doesn't", "don't",   "didn't",
                                   "can't",  "cannot", "couldn't", "unable",  "without", "neither",
                                   "nobody", "fails",  "absent",   "lacks",   "won't",   "n't"};
  static const Words kEnglishThere = {
      "occur",      "occurs",      "occurred", "occurring", "happen",   "happens",      "happened",
      "appear",     "appears",     "appeared", "visible",   "present",  "seen",         "see",
      "shown",      "show",        "shows",    "found",     "find",     "exist",        "exists",
      "contain",    "contains",    "include",  "includes",  "included", "feature",      "features",
      "depict",     "depicted",    "depicts",  "take",      "takes",    "taking",       "there is",
      "there are",  "there's",     "video",    "clip",      "footage",  "such",         "event",
      "moment",     "moments",     "match",    "matches",   "matching", "detected",     "observed",
      "locate",     "located",     "instance", "instances", "scene",    "displayed",    "absent",
      "occurrence", "occurrences", "anywhere", "any point", "relevant", "corresponding"};
  static const Words kEnglishUnsure = {
      "sure",    "certain",   "certainty",   "clear",     "determine", "determined",
      "specify", "specified", "provide",     "provided",  "enough",    "know",
      "tell",    "estimate",  "precise",     "precisely", "exactly",   "view",
      "watch",   "access",    "process",     "analyze",   "analyse",   "ability",
      "answer",  "only",      "possible to", "help",      "assist"};
  static const Words kChineseNo = {"没有",     "没",     "未",     "不存在", "不会",   "从不",
                                   "并不",     "不在",   "无此",   "无相关", "无该",   "无匹配",
                                   "无符合",   "找不到", "看不到", "不包含", "不出现", "不发生",
                                   "无法找到", "不含",   "不可见", "不见",   "不曾",   "中无",
                                   "里无",     "不符",   "不相符", "看不见"};
  static const Words kChineseThere = {"出现", "发生", "存在", "看到", "看见", "找到",   "包含",
                                      "显示", "这个", "此",   "该",   "视频", "画面",   "可见",
                                      "相关", "符合", "片段", "不在", "不见", "检测到", "发现",
                                      "见到", "匹配", "事件", "镜头", "不含", "任何",   "不会"};
  static const Words kChineseUnsure = {"确定",     "不清楚",   "难以",   "判断",     "无法查看",
                                       "看不清",   "无法观看", "不知道", "没有足够", "不明确",
                                       "未提供",   "没有提供", "未说明", "不仅",     "不只",
                                       "无法分析", "无法处理"};
  if (has_any(clause, kEnglishUnsure) || has_any(clause, kChineseUnsure)) return Tone::kPlain;
  if (has_any(clause, kEnglishNo)) {
    return has_any(clause, kEnglishThere) ? Tone::kDenied : Tone::kNegated;
  }
  if (has_any(clause, kChineseNo)) {
    return has_any(clause, kChineseThere) ? Tone::kDenied : Tone::kNegated;
  }
  return Tone::kPlain;
}

// Calls visit(begin, end, tone) for each clause.
template <typename Visit>
void visit_clauses(std::string_view prose, Visit visit) {
  const std::string text = lower(prose);
  size_t begin = 0;
  const auto close = [&](size_t end) {
    if (end <= begin) return true;
    // Limits the search to 400 bytes of a clause, which keeps the work linear in the text.
    const size_t size = std::min<size_t>(end - begin, 400);
    return visit(begin, end, tone_of(std::string_view(text).substr(begin, size)));
  };
  for (size_t at = 0; at < text.size();) {
    size_t mark = 0;
    const char c = text[at];
    const bool full_stop = c == '.' && (at + 1 == text.size() || !is_digit(text[at + 1]));
    if (full_stop || c == ',' || c == ';' || c == '!' || c == '?' || c == '\n') {
      mark = 1;
    } else if (text.compare(at, 3, "。") == 0 || text.compare(at, 3, "但") == 0) {
      mark = 3;
    } else if (text.compare(at, 5, " but ") == 0) {
      mark = 5;
    }
    if (mark == 0) {
      ++at;
      continue;
    }
    if (!close(at)) return;
    at += mark;
    begin = at;
  }
  close(text.size());
}

}  // namespace

std::vector<TextRange> find_denials(std::string_view prose) {
  std::vector<TextRange> found;
  visit_clauses(prose, [&](size_t begin, size_t end, Tone tone) {
    if (tone == Tone::kDenied) found.push_back({begin, end});
    return true;
  });
  return found;
}

bool is_plain_no(std::string_view prose) {
  std::string words = lower(prose);
  const auto edge = [](char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '*' || c == '"' || c == '\'' ||
           c == '`' || c == '.' || c == '!';
  };
  size_t begin = 0, end = words.size();
  while (begin < end && edge(words[begin])) ++begin;
  while (end > begin && edge(words[end - 1])) --end;
  words = words.substr(begin, end - begin);
  while (words.size() >= 3 && words.ends_with("。")) words.resize(words.size() - 3);
  for (std::string_view no :
       {"no",      "none",    "never",     "n/a",         "na",     "null",
        "nil",     "nothing", "not found", "not present", "absent", "not applicable",
        "没有",    "无",      "否",        "不",          "不会",   "没",
        "从未",    "未找到",  "未出现",    "未发生",      "不存在", "没有出现",
        "没有发生"}) {
    if (words == no) return true;
  }
  // "No, he misses." "圆形没有改变颜色。": asked for a time, the model begins with a negation.
  bool negated = false;
  int clauses = 0;
  visit_clauses(words, [&](size_t, size_t, Tone tone) {
    negated = tone != Tone::kPlain;
    return !negated && ++clauses < 2;
  });
  return negated;
}

}  // namespace shijian::grounding
