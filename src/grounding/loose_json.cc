#include "grounding/loose_json.h"

#include <algorithm>
#include <charconv>

#include "base/utf8.h"
#include "grounding/normal_text.h"

namespace shijian::grounding {

namespace {

constexpr int kMaxDepth = 32;

bool closes(char c) { return c == ']' || c == '}' || c == ')'; }

class LooseParser {
 public:
  LooseParser(std::string_view text, size_t at) : text_(text), at_(at) {}

  LooseParse run() {
    LooseParse result;
    result.value = parse_value(0, false);
    return finish(std::move(result));
  }

  LooseParse run_members() {
    LooseParse result;
    result.value.kind = LooseValue::Kind::kObject;
    result.value.begin = at_;
    malformed_ = true;
    parse_object(result.value, 0);
    return finish(std::move(result));
  }

 private:
  LooseParse finish(LooseParse result) const {
    result.end = at_;
    result.malformed = malformed_;
    result.cut = cut_;
    return result;
  }

  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool done() const { return at_ >= text_.size(); }
  void skip_blank() {
    while (!done() && is_blank(text_[at_])) ++at_;
  }

  LooseValue parse_value(int depth, bool in_object) {
    LooseValue value;
    const char c = peek();
    if (c == '"' || c == '\'') return parse_string();
    if ((c == '[' || c == '{' || c == '(') && depth < kMaxDepth) {
      if (c == '(') malformed_ = true;
      value.kind = c == '{' ? LooseValue::Kind::kObject : LooseValue::Kind::kArray;
      value.begin = ++at_;
      if (c == '{') {
        parse_object(value, depth);
      } else {
        parse_array(value, depth, c == '[' ? ']' : ')');
      }
      return value;
    }
    return parse_scalar(in_object);
  }

  void parse_array(LooseValue& array, int depth, char close) {
    while (true) {
      skip_blank();
      if (done()) {
        cut_ = true;
        array.closed = false;
        break;
      }
      const char c = peek();
      if (closes(c)) {
        if (c == close) {
          array.end = at_++;
          return;
        }
        // "[1.0, 2.0}" and "[[1, 2), ...": take it as ours unless an outer bracket wants it.
        malformed_ = true;
        array.closed = false;
        if (c == '}' && depth > 0) break;
        array.end = at_++;
        return;
      }
      if (c == ',' || c == ';') {
        ++at_;
        continue;
      }
      const size_t before = at_;
      // `["start": 1, "end": 2]`: an object in the wrong brackets.
      LooseValue item = parse_value(depth + 1, false);
      skip_blank();
      if (peek() == ':' && item.kind == LooseValue::Kind::kString) {
        malformed_ = true;
        at_ = before;
        LooseValue object;
        object.kind = LooseValue::Kind::kObject;
        object.begin = at_;
        parse_object(object, depth + 1, close);
        array.items.push_back(std::move(object));
        continue;
      }
      if (at_ == before) ++at_;
      array.items.push_back(std::move(item));
    }
    array.end = at_;
  }

  // `stop`: a bracket that ends the members without being used up.
  void parse_object(LooseValue& object, int depth, char stop = '\0') {
    while (true) {
      skip_blank();
      if (done()) {
        cut_ = true;
        object.closed = false;
        break;
      }
      const char c = peek();
      if (c == '}') {
        object.end = at_++;
        return;
      }
      if (c == stop || closes(c)) {  // "{...]": the array around it ends too
        malformed_ = true;
        object.closed = false;
        break;
      }
      if (c == ',' || c == ';') {
        ++at_;
        // `{"start": 1, "end": 2, {"start": 3`: the object ended without its bracket.
        skip_blank();
        if (peek() == '{' && !object.items.empty()) {
          malformed_ = true;
          object.closed = false;
          break;
        }
        continue;
      }
      const size_t before = at_;
      LooseValue key = c == '"' || c == '\'' ? parse_string() : parse_key();
      skip_blank();
      if (peek() == ':' || peek() == '=') {
        ++at_;
        skip_blank();
        LooseValue value;
        value.begin = value.end = at_;
        if (done()) {
          cut_ = true;
          value.closed = false;
        } else if (peek() != ',' && !closes(peek())) {
          value = parse_value(depth + 1, true);
        }
        object.keys.push_back(std::move(key));
        object.items.push_back(std::move(value));
      } else {  // a value without a key
        malformed_ = true;
        LooseValue none;
        none.begin = none.end = key.begin;
        object.keys.push_back(std::move(none));
        object.items.push_back(std::move(key));
        if (at_ == before) ++at_;
      }
    }
    object.end = at_;
  }

  // Whether a quote at `at` can end a string: what follows belongs to the structure.
  bool ends_string(size_t at) const {
    size_t next = at + 1;
    while (next < text_.size() && is_blank(text_[next])) ++next;
    if (next >= text_.size()) return true;
    const char c = text_[next];
    return c == ',' || c == ':' || c == ';' || closes(c) || text_[next - 1] == '\n' || c == '"';
  }

  // A '}' inside a string whose closing quote was forgotten: "dog}, {" or "dog}]" or "dog}".
  bool ends_object(size_t at) const {
    size_t next = at + 1;
    while (next < text_.size() && is_blank(text_[next])) ++next;
    if (next >= text_.size() || text_[next] == ']') return true;
    if (text_[next] != ',') return false;
    ++next;
    while (next < text_.size() && is_blank(text_[next])) ++next;
    return next < text_.size() && text_[next] == '{';
  }

  LooseValue parse_string() {
    LooseValue value;
    value.kind = LooseValue::Kind::kString;
    const char quote = text_[at_];
    if (quote != '"') malformed_ = true;
    value.begin = ++at_;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\\' && at_ + 1 < text_.size()) {
        ++at_;
      } else if (c == quote && ends_string(at_)) {
        value.end = at_++;
        return value;
      } else if (c == '}' && ends_object(at_)) {
        malformed_ = true;
        value.end = at_;
        return value;
      }
    }
    at_ = text_.size();
    value.end = at_;
    value.closed = false;
    cut_ = true;
    return value;
  }

  // A bare key ends at a colon that is not inside a clock time.
  LooseValue parse_key() {
    LooseValue key;
    key.begin = at_;
    malformed_ = true;
    while (!done()) {
      const char c = peek();
      if (c == ',' || c == '\n' || closes(c) || c == '{' || c == '[') break;
      const bool in_clock = at_ > key.begin && text_[at_ - 1] >= '0' && text_[at_ - 1] <= '9' &&
                            peek(1) >= '0' && peek(1) <= '9';
      if ((c == ':' || c == '=') && !in_clock) break;
      ++at_;
    }
    key.end = trim_end(key.begin, at_);
    return key;
  }

  LooseValue parse_scalar(bool in_object) {
    LooseValue value;
    value.begin = at_;
    while (!done()) {
      const char c = peek();
      if (c == ',' || closes(c) || c == '\n' || c == ';' || c == '{' || c == '[') {
        // SubRip's comma stands between digits and before three of them.
        const bool fraction = c == ',' && at_ >= value.begin + 3 && at_ + 3 < text_.size() &&
                              text_[at_ - 3] == ':' && digits(at_ + 1, 3) && !digits(at_ + 4, 1);
        if (!fraction) break;
      }
      // `"start": 3.0 "end": 5.0`: the comma is missing; the next key begins at its quote.
      if (in_object && c == '"') {
        malformed_ = true;
        break;
      }
      ++at_;
    }
    if (done()) {
      cut_ = true;
      value.closed = false;
    }
    value.end = trim_end(value.begin, at_);
    return value;
  }

  bool digits(size_t at, size_t count) const {
    if (at + count > text_.size()) return false;
    return std::all_of(text_.begin() + at, text_.begin() + at + count,
                       [](char c) { return c >= '0' && c <= '9'; });
  }
  size_t trim_end(size_t begin, size_t end) const {
    while (end > begin && is_blank(text_[end - 1])) --end;
    return end;
  }

  std::string_view text_;
  size_t at_;
  bool malformed_ = false;
  bool cut_ = false;
};

}  // namespace

LooseParse parse_loose(std::string_view text, size_t at) { return LooseParser(text, at).run(); }

LooseParse parse_loose_members(std::string_view text, size_t at) {
  return LooseParser(text, at).run_members();
}

std::string unescape(std::string_view raw) {
  std::string out;
  const auto hex = [&](size_t at) {
    unsigned code = 0;
    if (at + 4 > raw.size()) return -1;
    const auto result = std::from_chars(raw.data() + at, raw.data() + at + 4, code, 16);
    return result.ec == std::errc() && result.ptr == raw.data() + at + 4 ? static_cast<int>(code)
                                                                         : -1;
  };
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\' || i + 1 >= raw.size()) {
      out.push_back(is_blank(raw[i]) ? ' ' : raw[i]);
      continue;
    }
    const char c = raw[++i];
    if (c == 'n' || c == 't' || c == 'r') {
      out.push_back(' ');
    } else if (c == 'u' && hex(i + 1) >= 0) {
      char32_t code = static_cast<char32_t>(hex(i + 1));
      i += 4;
      if (code >= 0xD800 && code < 0xDC00 && i + 6 < raw.size() && raw[i + 1] == '\\' &&
          raw[i + 2] == 'u' && hex(i + 3) >= 0xDC00 && hex(i + 3) < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10) + (static_cast<char32_t>(hex(i + 3)) - 0xDC00);
        i += 6;
      }
      if (code >= 0xD800 && code < 0xE000) code = 0xFFFD;
      append_utf8(out, code);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace shijian::grounding
