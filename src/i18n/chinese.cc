#include "i18n/chinese.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <optional>
#include <vector>

#include "base/accept.h"

extern "C" const char chinese_txt[], chinese_txt_end[];

namespace shijian::i18n {
namespace {

// No message of ours is longer; what somebody else wrote is not worth more work.
constexpr size_t kMaxLength = 4096;
constexpr int kMaxDepth = 4;

// "open {}: {}" is the pieces "open ", ": " and "".
struct Template {
  std::vector<std::string_view> pieces;
  std::string_view chinese;
  size_t letters = 0;  // of the pieces
};

struct Table {
  std::map<std::string_view, std::string_view> whole;  // every line by its English
  std::vector<Template> templates;
};

Template make_template(std::string_view english, std::string_view chinese) {
  Template made{{}, chinese, 0};
  for (;;) {
    const size_t place = english.find("{}");
    made.pieces.push_back(english.substr(0, place));
    made.letters += made.pieces.back().size();
    if (place == std::string_view::npos) return made;
    english.remove_prefix(place + 2);
  }
}

Table read_table() {
  Table table;
  std::string_view rest(chinese_txt, chinese_txt_end - chinese_txt);
  std::string_view english;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line.starts_with("# ")) continue;
    if (!line.starts_with("  ")) {
      english = line;
      continue;
    }
    const std::string_view chinese = line.substr(2);
    table.whole.emplace(english, chinese);
    Template made = make_template(english, chinese);
    if (made.pieces.size() > 1) table.templates.push_back(std::move(made));
  }
  return table;
}

const Table& table() {
  static const Table read = read_table();
  return read;
}

// What stands at the places of the template; each piece is taken where it comes first.
std::optional<std::vector<std::string_view>> match(const Template& made, std::string_view text) {
  const std::string_view first = made.pieces.front(), last = made.pieces.back();
  if (text.size() < made.letters || !text.starts_with(first) || !text.ends_with(last)) return {};
  text.remove_prefix(first.size());
  text.remove_suffix(last.size());
  std::vector<std::string_view> places;
  for (size_t i = 1; i + 1 < made.pieces.size(); ++i) {
    const size_t found = text.find(made.pieces[i]);
    if (found == std::string_view::npos) return {};
    places.push_back(text.substr(0, found));
    text.remove_prefix(found + made.pieces[i].size());
  }
  places.push_back(text);
  return places;
}

std::string translated(std::string_view english, int depth);

// {}, {2}, {*} or {2*}: the next or the second text, with a star in its own Chinese.
std::string filled(std::string_view chinese, const std::vector<std::string_view>& places,
                   int depth) {
  std::string out;
  size_t next = 1;
  while (!chinese.empty()) {
    const size_t open = chinese.find('{');
    out += chinese.substr(0, open);
    if (open == std::string_view::npos) break;
    chinese.remove_prefix(open);
    size_t number = 0;
    const char* at =
        std::from_chars(chinese.data() + 1, chinese.data() + chinese.size(), number).ptr;
    size_t length = at - chinese.data();
    const bool star = length < chinese.size() && chinese[length] == '*';
    if (star) ++length;
    if (length == chinese.size() || chinese[length] != '}') {
      out += '{';  // a brace of the text
      chinese.remove_prefix(1);
      continue;
    }
    chinese.remove_prefix(length + 1);
    if (number == 0) number = next;
    next = number + 1;
    if (number > places.size()) continue;
    out += star ? translated(places[number - 1], depth + 1) : std::string(places[number - 1]);
  }
  return out;
}

std::string translated(std::string_view english, int depth) {
  if (english.size() > kMaxLength || depth == kMaxDepth) return std::string(english);
  if (const auto whole = table().whole.find(english); whole != table().whole.end())
    return std::string(whole->second);
  const Template* best = nullptr;
  std::vector<std::string_view> places;
  for (const Template& made : table().templates) {
    if (best != nullptr && made.letters <= best->letters) continue;
    if (auto found = match(made, english)) {
      best = &made;
      places = std::move(*found);
    }
  }
  return best == nullptr ? std::string(english) : filled(best->chinese, places, depth);
}

}  // namespace

std::string in_chinese(std::string_view english) { return translated(english, 0); }

bool has_chinese(std::string_view english) { return table().whole.contains(english); }

bool reads_chinese() {
  for (const char* name : {"SHIJIAN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return std::string_view(value).starts_with("zh");
  }
  return false;
}

std::string for_reader(std::string_view english) {
  return reads_chinese() ? in_chinese(english) : std::string(english);
}

bool accepts_chinese(std::string_view accept_language) {
  double chinese = 0, english = 0;
  for (const auto& [range, weight] : read_accept(accept_language)) {
    // Of two with one weight the first counts.
    if (range.starts_with("zh") && weight > english) chinese = std::max(chinese, weight);
    if (range.starts_with("en") && weight > chinese) english = std::max(english, weight);
  }
  return chinese > english;
}

}  // namespace shijian::i18n
