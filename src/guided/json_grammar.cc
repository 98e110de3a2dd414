#include "guided/json_grammar.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace shijian::guided {
namespace {

constexpr uint8_t kIndentation = 4;  // blanks a level, at most
constexpr uint8_t kOneSpace = 255;
constexpr uint8_t kMaxDigits = 15;  // what a double holds exactly
constexpr uint8_t kMaxExponentDigits = 2;

bool is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

bool is_hex(uint8_t byte) {
  return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

}  // namespace

JsonGrammar::JsonGrammar() {
  Node any;
  any.string = any.number = any.array = any.object = any.any_names = true;
  any.literals = {"true", "false", "null"};
  any.items = kAny;
  nodes_.push_back(std::move(any));
}

JsonGrammar JsonGrammar::any_object() {
  JsonGrammar grammar;
  Node object;
  object.object = object.any_names = true;
  grammar.root_ = static_cast<uint32_t>(grammar.nodes_.size());
  grammar.nodes_.push_back(std::move(object));
  return grammar;
}

JsonBranch::JsonBranch(const JsonGrammar& grammar) : grammar_(&grammar) {
  at_.value = grammar.root_;
}

JsonBranch& JsonBranch::operator=(const JsonBranch& other) {
  if (this == &other) return *this;
  grammar_ = other.grammar_;
  at_ = other.at_;
  depth_ = other.depth_;
  std::copy_n(other.frames_.begin(), depth_, frames_.begin());
  return *this;
}

bool JsonBranch::operator==(const JsonBranch& other) const {
  return grammar_ == other.grammar_ && at_ == other.at_ && depth_ == other.depth_ &&
         std::equal(frames_.begin(), frames_.begin() + depth_, other.frames_.begin());
}

bool JsonState::push(uint8_t byte) {
  std::vector<JsonBranch> more;  // takes no memory while it is empty
  const bool going = first_.push(byte, more);
  if (going && more.empty() && others_.empty()) return true;
  std::vector<JsonBranch> all;
  const auto keep = [&all](const JsonBranch& branch) {
    if (all.size() == JsonGrammar::kMaxBranches) return;
    if (std::find(all.begin(), all.end(), branch) == all.end()) all.push_back(branch);
  };
  const auto keep_all = [&](bool itself, const JsonBranch& branch) {
    if (itself) keep(branch);
    for (const JsonBranch& other : more) keep(other);
    more.clear();
  };
  keep_all(going, first_);
  for (JsonBranch& branch : others_) {
    const bool goes = branch.push(byte, more);
    keep_all(goes, branch);
  }
  if (all.empty()) return false;
  first_ = all.front();
  others_.assign(all.begin() + 1, all.end());
  return true;
}

bool JsonState::complete() const {
  return first_.complete() || std::any_of(others_.begin(), others_.end(),
                                          [](const JsonBranch& b) { return b.complete(); });
}

bool JsonBranch::push(uint8_t byte, std::vector<JsonBranch>& others) {
  if (blank(byte)) return true;
  switch (at_.place) {
    case Place::kValue:
      return begin_value(byte, others);
    case Place::kFirstItem:
      if (byte == ']') return node(top().node).min_items == 0 && close();
      return node(top().node).max_items > 0 && fits(at_.value) && begin_value(byte, others);
    case Place::kFirstName:
      return byte == '}' ? object_may_end() && close() : begin_name(byte);
    case Place::kNextName:
      return begin_name(byte);
    case Place::kColon:
      at_.place = Place::kValue;
      return byte == ':';
    case Place::kAfterValue:
      return after_value(byte);
    case Place::kString:
      return text(byte, Place::kAfterValue);
    case Place::kAnyName:
      return text(byte, Place::kColon);
    case Place::kName:
      return name(byte);
    case Place::kNumber:
      if (number_byte(byte)) return true;
      if (!number_may_end()) return false;
      break;
    case Place::kLiteral:
      if (literal_byte(byte)) return true;
      if (!literal_may_end()) return false;
      break;
    case Place::kEnd:
      return false;
  }
  // The byte comes after the number or literal.
  end_value();
  return push(byte, others);
}

bool JsonBranch::complete() const {
  if (at_.place == Place::kEnd) return true;
  if (depth_ > 0) return false;
  return (at_.place == Place::kNumber && number_may_end()) ||
         (at_.place == Place::kLiteral && literal_may_end());
}

// Between tokens, except before a colon and after the whole value: one space, or a line break and
// indentation. More would let a model that has nothing to say go on with blanks.
bool JsonBranch::blank(uint8_t byte) {
  const bool between = at_.place == Place::kValue || at_.place == Place::kFirstItem ||
                       at_.place == Place::kFirstName || at_.place == Place::kNextName ||
                       at_.place == Place::kAfterValue;
  const uint8_t blanks = std::exchange(at_.blanks, uint8_t{0});
  if (!between || blanks == kOneSpace) return false;
  // Thoughts end in an empty line.
  const bool line_break = byte == '\n' && blanks < (depth_ == 0 ? 2 : 1);
  const bool indentation =
      (byte == ' ' || byte == '\t') && blanks > 0 && blanks <= kIndentation * depth_;
  const bool space = byte == ' ' && blanks == 0;
  if (!line_break && !indentation && !space) return false;
  at_.blanks = space ? kOneSpace : static_cast<uint8_t>(blanks + 1);
  return true;
}

bool JsonBranch::begin_value(uint8_t byte, std::vector<JsonBranch>& others) {
  const std::vector<uint32_t>& alternatives = node(at_.value).any_of;
  if (alternatives.empty()) return begin_kind(byte);
  const JsonBranch before = *this;
  bool begun = false;
  for (const uint32_t alternative : alternatives) {
    JsonBranch branch = before;
    branch.at_.value = alternative;
    if (!branch.begin_kind(byte)) continue;
    if (begun) {
      others.push_back(branch);
    } else {
      *this = branch;
    }
    begun = true;
  }
  return begun;
}

bool JsonBranch::begin_kind(uint8_t byte) {
  const JsonGrammar::Node& kinds = node(at_.value);
  if (byte == '"' && kinds.string) {
    at_.place = Place::kString;
    return true;
  }
  if (byte == '{' && kinds.object) return open(Place::kFirstName);
  if (byte == '[' && kinds.array) return open(Place::kFirstItem);
  if ((byte == '-' || is_digit(byte)) && (kinds.number || kinds.integer)) {
    at_.place = Place::kNumber;
    at_.number = byte == '-' ? Number::kMinus : byte == '0' ? Number::kZero : Number::kDigits;
    at_.digits = 1;
    return true;
  }
  at_.place = Place::kLiteral;
  at_.word = at_.length = 0;
  return literal_byte(byte);
}

// Opens an array or object if the depth limit allows its smallest content.
bool JsonBranch::open(Place place) {
  const bool array = place == Place::kFirstItem;
  const JsonGrammar::Node& kinds = node(at_.value);
  if (depth_ + (array ? kinds.array_depth : kinds.object_depth) > JsonGrammar::kMaxDepth) {
    return false;
  }
  frames_[static_cast<size_t>(depth_++)] = {array, at_.value, 0};
  at_.place = place;
  if (array) at_.value = node(at_.value).items;
  return true;
}

bool JsonBranch::close() {
  --depth_;
  end_value();
  return true;
}

// All required properties are there.
bool JsonBranch::object_may_end() const {
  const auto& properties = node(top().node).properties;
  return std::none_of(properties.begin() + top().count, properties.end(),
                      [](const auto& property) { return property.required; });
}

void JsonBranch::end_value() {
  at_.place = depth_ == 0 ? Place::kEnd : Place::kAfterValue;
  if (depth_ > 0 && top().array) ++top().count;
}

bool JsonBranch::after_value(uint8_t byte) {
  const Frame& frame = top();
  const JsonGrammar::Node& container = node(frame.node);
  if (frame.array) {
    if (byte == ']') return frame.count >= container.min_items && close();
    at_.place = Place::kValue;
    at_.value = container.items;
    return byte == ',' && frame.count < container.max_items && fits(at_.value);
  }
  if (byte == '}') return object_may_end() && close();
  at_.place = Place::kNextName;
  if (byte != ',') return false;
  const auto& names = container.properties;
  return container.any_names || std::any_of(names.begin() + frame.count, names.end(),
                                            [&](const auto& name) { return fits(name.value); });
}

bool JsonBranch::begin_name(uint8_t byte) {
  if (node(top().node).any_names) {
    at_.place = Place::kAnyName;
    at_.value = JsonGrammar::kAny;
    return byte == '"';
  }
  at_.place = Place::kName;
  at_.word = top().count;
  at_.length = 0;
  return name(byte);
}

// Names come in the schema's order; those up to the next required one may be left out.
bool JsonBranch::name(uint8_t byte) {
  const auto& properties = node(top().node).properties;
  const size_t length = at_.length;
  const auto begin = [&](size_t i) {
    return std::string_view(properties[i].name).substr(0, length);
  };
  const uint32_t first = at_.word;
  for (size_t i = first; i < properties.size(); ++i) {
    const std::string& candidate = properties[i].name;
    // No name is the beginning of another: each ends in its quote.
    if (fits(properties[i].value) && begin(i) == begin(first) &&
        static_cast<uint8_t>(candidate[length]) == byte) {
      at_.word = static_cast<uint32_t>(i);
      if (++at_.length == candidate.size()) {
        at_.place = Place::kColon;
        at_.value = properties[i].value;
        top().count = at_.word + 1;
      }
      return true;
    }
    if (properties[i].required) return false;
  }
  return false;
}

// Inside a string; `end` is where its closing quote leads.
bool JsonBranch::text(uint8_t byte, Place end) {
  if (at_.escape == 1) {
    at_.escape = byte == 'u' ? 2 : 0;
    return byte == 'u' ||
           std::string_view("\"\\/bfnrt").find(static_cast<char>(byte)) != std::string_view::npos;
  }
  if (at_.escape > 1) {
    // Of \uD800 to \uDFFF, halves of a character, none is let through.
    const bool half = at_.escape == 3 && at_.surrogate && byte > '7';
    at_.surrogate = at_.escape == 2 && (byte == 'd' || byte == 'D');
    at_.escape = at_.escape == 5 ? 0 : at_.escape + 1;
    return is_hex(byte) && !half;
  }
  if (at_.character.inside() || byte >= 0x80) return at_.character.push(byte);
  if (byte == '"') {
    if (end == Place::kColon) {
      at_.place = end;
    } else {
      end_value();
    }
    return true;
  }
  at_.escape = byte == '\\' ? 1 : 0;
  return byte >= 0x20;
}

bool JsonBranch::number_byte(uint8_t byte) {
  const bool whole = !node(at_.value).number;
  const auto go = [&](Number next, uint8_t digits) {
    at_.number = next;
    at_.digits = digits;
    return true;
  };
  const auto one_more = [&](uint8_t most) { return is_digit(byte) && at_.digits++ < most; };
  switch (at_.number) {
    case Number::kMinus:
      return is_digit(byte) && go(byte == '0' ? Number::kZero : Number::kDigits, 1);
    case Number::kDigits:
      if (one_more(kMaxDigits)) return true;
      [[fallthrough]];
    case Number::kZero:
      if (whole) return false;
      if (byte == '.') return go(Number::kPoint, 0);
      return (byte == 'e' || byte == 'E') && go(Number::kE, 0);
    case Number::kPoint:
      return is_digit(byte) && go(Number::kFraction, 1);
    case Number::kFraction:
      if (one_more(kMaxDigits)) return true;
      return (byte == 'e' || byte == 'E') && go(Number::kE, 0);
    case Number::kE:
      if (byte == '+' || byte == '-') return go(Number::kSign, 0);
      [[fallthrough]];
    case Number::kSign:
      return is_digit(byte) && go(Number::kExponent, 1);
    case Number::kExponent:
      return one_more(kMaxExponentDigits);
  }
  return false;
}

bool JsonBranch::number_may_end() const {
  return at_.number == Number::kZero || at_.number == Number::kDigits ||
         at_.number == Number::kFraction || at_.number == Number::kExponent;
}

bool JsonBranch::literal_byte(uint8_t byte) {
  const auto& literals = node(at_.value).literals;
  const std::string_view written =
      at_.word < literals.size() ? std::string_view(literals[at_.word]).substr(0, at_.length) : "";
  for (size_t i = at_.word; i < literals.size(); ++i) {
    const std::string_view candidate = literals[i];
    if (candidate.size() > at_.length && candidate.starts_with(written) &&
        static_cast<uint8_t>(candidate[at_.length]) == byte) {
      at_.word = static_cast<uint32_t>(i);
      ++at_.length;
      return true;
    }
  }
  return false;
}

bool JsonBranch::literal_may_end() const {
  const auto& literals = node(at_.value).literals;
  const std::string_view written = std::string_view(literals[at_.word]).substr(0, at_.length);
  return std::find(literals.begin(), literals.end(), written) != literals.end();
}

}  // namespace shijian::guided
