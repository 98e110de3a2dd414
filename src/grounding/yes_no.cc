#include "grounding/yes_no.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace shijian::grounding {
namespace {

constexpr std::array<std::string_view, 3> kYes = {"yes", "是", "有"};
constexpr std::array<std::string_view, 5> kNo = {"no", "否", "没", "没有", "不"};

// Without blanks around it, and in small letters.
std::string word_of(std::string_view bytes) {
  std::string word;
  for (const char c : bytes) {
    if (c == ' ' || c == '\n') continue;
    word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return word;
}

template <size_t n>
bool is_one_of(const std::array<std::string_view, n>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

std::string yes_no_question(std::string_view question, Language language) {
  if (language == Language::kChinese) {
    return fmt::format("这段视频中是否出现了下面的问题所问的内容？“{}”\n只回答“是”或“否”。",
                       question);
  }
  return fmt::format(
      "Does this clip show what the following question asks about? \"{}\"\nAnswer only yes or no.",
      question);
}

std::optional<double> probability_of_yes(std::span<const TokenAlternative> alternatives) {
  double yes = 0, no = 0;
  for (const TokenAlternative& choice : alternatives) {
    const std::string word = word_of(choice.bytes);
    const double p = std::exp(std::min(choice.logprob, 0.0));
    if (is_one_of(kYes, word)) yes += p;
    if (is_one_of(kNo, word)) no += p;
  }
  if (!(yes + no > 0)) return std::nullopt;
  return yes / (yes + no);
}

}  // namespace shijian::grounding
