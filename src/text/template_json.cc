// The templates' `tojson`: json.dumps(value, ensure_ascii=False) of Python.
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "text/chat_template.h"

namespace shijian::text {
namespace {

// Python's repr of a float: the shortest digits that read back as the same number, with an
// exponent below 1e-4 and from 1e16 on.
std::string python_float(double value) {
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, std::abs(value), std::chars_format::scientific)
          .ptr;
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  const size_t e = text.find('e');
  std::string digits(text.substr(0, e));
  if (digits.size() > 1) digits.erase(1, 1);  // the point
  const int exponent = std::stoi(std::string(text.substr(e + 1)));
  std::string out = std::signbit(value) ? "-" : "";
  if (exponent < -4 || exponent >= 16) {
    out += digits.substr(0, 1);
    if (digits.size() > 1) out += '.' + digits.substr(1);
    return out + fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  if (exponent < 0)
    return out + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const size_t whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0') + ".0";
  return out + digits.substr(0, whole) + '.' + digits.substr(whole);
}

void print(const OrderedJson& value, std::string& out) {
  if (value.is_object()) {
    out += '{';
    for (auto item = value.begin(); item != value.end(); ++item) {
      if (item != value.begin()) out += ", ";
      out += OrderedJson(item.key()).dump() + ": ";
      print(item.value(), out);
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    for (auto item = value.begin(); item != value.end(); ++item) {
      if (item != value.begin()) out += ", ";
      print(*item, out);
    }
    out += ']';
  } else if (value.is_number_float()) {
    out += python_float(value.get<double>());
  } else {
    out += value.dump();
  }
}

}  // namespace

std::string template_json(std::string_view json) {
  std::string out;
  print(parse_ordered_json(json, "JSON of a tool"_text), out);
  return out;
}

}  // namespace shijian::text
