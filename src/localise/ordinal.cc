#include "localise/ordinal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <optional>

namespace shijian::localise {
namespace {

struct Word {
  std::string_view text;
  int which;
};
constexpr std::array<Word, 12> kEnglish = {{{"first", 1},
                                            {"second", 2},
                                            {"third", 3},
                                            {"fourth", 4},
                                            {"fifth", 5},
                                            {"sixth", 6},
                                            {"seventh", 7},
                                            {"eighth", 8},
                                            {"ninth", 9},
                                            {"tenth", 10},
                                            {"last", -1},
                                            {"final", -1}}};
constexpr std::array<Word, 15> kChinese = {{{"最后一次", -1},
                                            {"最后1次", -1},
                                            {"首次", 1},
                                            {"头一次", 1},
                                            {"第一次", 1},
                                            {"第二次", 2},
                                            {"第三次", 3},
                                            {"第四次", 4},
                                            {"第五次", 5},
                                            {"第六次", 6},
                                            {"第七次", 7},
                                            {"第八次", 8},
                                            {"第九次", 9},
                                            {"第十次", 10},
                                            {"第1次", 1}}};
constexpr int kMostTimes = 1000;

// The question with everything in quotation marks blanked out, byte for byte.
std::string outside_quotes(std::string_view question) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kMarks = {
      {{"\"", "\""}, {"“", "”"}, {"‘", "’"}, {"「", "」"}, {"『", "』"}, {"《", "》"}}};
  std::string text(question);
  for (const auto& [open, close] : kMarks) {
    size_t begin = 0;
    while ((begin = text.find(open, begin)) != std::string::npos) {
      const size_t end = text.find(close, begin + open.size());
      if (end == std::string::npos) break;
      std::fill(text.begin() + static_cast<std::ptrdiff_t>(begin),
                text.begin() + static_cast<std::ptrdiff_t>(end + close.size()), '\x01');
      begin = end + close.size();
    }
  }
  return text;
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// "2nd", "11th" at the start of `text`; sets how long it is.
std::optional<int> numeral(std::string_view text, size_t& length) {
  size_t digits = 0;
  while (digits < text.size() && digits < 4 &&
         std::isdigit(static_cast<unsigned char>(text[digits]))) {
    ++digits;
  }
  if (digits == 0) return std::nullopt;
  const std::string_view end = text.substr(digits, 2);
  if (end != "st" && end != "nd" && end != "rd" && end != "th") return std::nullopt;
  const int value = std::atoi(std::string(text.substr(0, digits)).c_str());
  if (value < 1 || value > kMostTimes) return std::nullopt;
  length = digits + 2;
  return value;
}

std::optional<int> english_ordinal(std::string_view text, size_t& length) {
  for (const Word& word : kEnglish) {
    if (!text.starts_with(word.text)) continue;
    length = word.text.size();
    return word.which;
  }
  return numeral(text, length);
}

std::string without(std::string_view question, size_t at, size_t size, std::string_view instead) {
  std::string plain(question.substr(0, at));
  plain += instead;
  return plain += question.substr(at + size);
}

// "... for the second time", "the second time (that, when) ...".
std::optional<OrdinalQuestion> read_english(std::string_view question, const std::string& text) {
  constexpr std::string_view kThe = "the ", kTime = " time", kFor = " for ";
  for (size_t at = 0; (at = text.find(kThe, at)) != std::string::npos; at += kThe.size()) {
    if (at > 0 && std::isalpha(static_cast<unsigned char>(text[at - 1]))) continue;
    size_t length = 0;
    const auto which = english_ordinal(std::string_view(text).substr(at + kThe.size()), length);
    const size_t time = at + kThe.size() + length;
    if (!which || text.compare(time, kTime.size(), kTime) != 0) continue;
    const size_t end = time + kTime.size();
    if (end < text.size() && std::isalpha(static_cast<unsigned char>(text[end]))) continue;
    if (at >= kFor.size() && text.compare(at - kFor.size(), kFor.size(), kFor) == 0) {
      const size_t begin = at - kFor.size();
      return OrdinalQuestion{without(question, begin, end - begin, ""), *which};
    }
    size_t size = end - at;
    for (const std::string_view link : {" that ", " when "}) {
      if (text.compare(end, link.size(), link) == 0) size += link.size() - 1;
    }
    return OrdinalQuestion{without(question, at, size, "the moment when"), *which};
  }
  return std::nullopt;
}

std::optional<OrdinalQuestion> read_chinese(std::string_view question, const std::string& text) {
  for (const Word& word : kChinese) {
    if (const size_t at = text.find(word.text); at != std::string::npos) {
      return OrdinalQuestion{without(question, at, word.text.size(), ""), word.which};
    }
  }
  constexpr std::string_view kBefore = "第", kAfter = "次";
  for (size_t at = 0; (at = text.find(kBefore, at)) != std::string::npos; at += kBefore.size()) {
    size_t end = at + kBefore.size();
    int value = 0;
    while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end])) &&
           value <= kMostTimes) {
      value = value * 10 + (text[end++] - '0');
    }
    if (value < 1 || value > kMostTimes || text.compare(end, kAfter.size(), kAfter) != 0) continue;
    return OrdinalQuestion{without(question, at, end + kAfter.size() - at, ""), value};
  }
  return std::nullopt;
}

}  // namespace

OrdinalQuestion read_ordinal(std::string_view question) {
  const std::string text = lower(outside_quotes(question));
  if (auto found = read_english(question, text)) return *found;
  if (auto found = read_chinese(question, text)) return *found;
  return {std::string(question), 0};
}

void choose(std::vector<grounding::Event>& events, int which) {
  if (which == 0) return;
  const auto count = static_cast<int>(events.size());
  const int at = which > 0 ? which - 1 : count - 1;
  if (at < 0 || at >= count) {
    events.clear();
  } else {
    events = {std::move(events[static_cast<size_t>(at)])};
  }
}

}  // namespace shijian::localise
