#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "base/text_file.h"

namespace shijian {
namespace {

constexpr auto kHint = "it has to be well-formed JSON, and whole"_text;

// Without the library's name for it, "[json.exception.parse_error.101] parse error at line 1…", and
// without what it read last, which may be words that no log is to hold.
std::string reason(const Json::exception& error) {
  std::string text = error.what();
  const size_t name = text.starts_with('[') ? text.find("] ") : text.npos;
  if (name != text.npos) text.erase(0, name + 2);
  if (const size_t from = text.find("; last read: '"); from != text.npos) {
    const size_t to = text.rfind("'; expected ");
    text.erase(from, to == text.npos ? text.npos : to + 1 - from);
  }
  return text;
}

// Looked at beforehand: the library's parser with a callback goes through the whole list again at
// the end of each of its objects.
bool deeper_than(std::string_view json, int most) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > most) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

template <typename Value>
Value parse(std::string_view text, const Text& name) {
  constexpr int kMaxDepth = 64;
  try {
    const bool is_utf16 = text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF");
    const std::string decoded = is_utf16 ? decode_text(text, name.english()) : std::string();
    const std::string_view json = is_utf16 ? decoded : text;
    // The library would take it for the end, whatever follows.
    if (json.find('\0') != json.npos) {
      throw Error(ErrorCode::kInvalid, "parse {}: it holds a NUL byte"_text(name), kHint);
    }
    if (deeper_than(json, kMaxDepth)) {
      throw Error(ErrorCode::kInvalid, "parse {}: nested deeper than {}"_text(name, kMaxDepth),
                  kHint);
    }
    return Value::parse(json);
  } catch (const Json::exception& e) {
    throw Error(ErrorCode::kInvalid, "parse {}: {}"_text(name, Text::words(reason(e))), kHint);
  }
}

std::string number_text(double value) {
  if (!std::isfinite(value)) return "null";
  std::string text = fmt::format("{}", value);
  if (text.find('e') != std::string::npos) return text;
  const size_t point = text.find('.');
  return point != std::string::npos && text.size() - point > 3 ? text
                                                               : fmt::format("{:.3f}", value);
}

void write(const OrderedJson& value, int indent, int depth, std::string* out) {
  if (value.is_number_float()) {
    *out += number_text(value.get<double>());
    return;
  }
  if (!value.is_structured() || value.empty()) {
    *out += value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
    return;
  }
  // A list of plain values stays on one line.
  const bool flat = indent < 0 || (value.is_array() && std::none_of(value.begin(), value.end(),
                                                                    [](const OrderedJson& item) {
                                                                      return item.is_structured();
                                                                    }));
  const auto new_line = [&](int level) {
    if (!flat) *out += "\n" + std::string(static_cast<size_t>(level) * indent, ' ');
  };
  *out += value.is_object() ? '{' : '[';
  bool first = true;
  for (const auto& item : value.items()) {
    if (!first) *out += flat && indent >= 0 ? ", " : ",";
    first = false;
    new_line(depth + 1);
    if (value.is_object()) {
      *out += OrderedJson(item.key()).dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
      *out += indent < 0 ? ":" : ": ";
    }
    write(item.value(), indent, depth + 1, out);
  }
  new_line(depth);
  *out += value.is_object() ? '}' : ']';
}

}  // namespace

std::string write_json(const OrderedJson& value, int indent) {
  std::string out;
  write(value, indent, 0, &out);
  return out;
}

Json parse_json(std::string_view text, const Text& name) { return parse<Json>(text, name); }

OrderedJson parse_ordered_json(std::string_view text, const Text& name) {
  return parse<OrderedJson>(text, name);
}

Json parse_json(std::string_view text, std::string_view name) {
  return parse_json(text, Text::value(std::string(name)));
}

OrderedJson parse_ordered_json(std::string_view text, std::string_view name) {
  return parse_ordered_json(text, Text::value(std::string(name)));
}

double thousandths(double value) {
  return std::isfinite(value) ? std::round(value * 1000) / 1000 : 0.0;
}

Json read_json_file(const std::filesystem::path& path) {
  return parse_json(read_file(path, size_t{16} << 20), path.string());
}

}  // namespace shijian
