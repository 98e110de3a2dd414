#include "app/fact_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "i18n/translate.h"
#include "model/memory.h"

namespace shijian::app {
namespace {

constexpr int kNameColumns = 24;

// Columns of a terminal: a Chinese character takes two.
int columns(std::string_view text) {
  int count = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool continues = (byte & 0xc0) == 0x80;
    if (!continues) count += byte >= 0xe0 ? 2 : 1;
  }
  return count;
}

std::string said(std::string_view word) {
  return i18n::translate(Text::words(std::string(word)), i18n::reader_language());
}

std::string value_text(std::string_view name, const OrderedJson& value) {
  if (value.is_number() && name.find("bytes") != std::string_view::npos) {
    return model::bytes_text(value.get<int64_t>());
  }
  if (!value.is_string()) return value.dump();
  const std::string text = value.get<std::string>();
  return name == "kind" || name == "type" || name == "reason" ? said(text) : text;
}

std::string list_text(const OrderedJson& values) {
  std::string out;
  for (const auto& [name, value] : values.items()) {
    const std::string text = value_text(name, value);
    if (!text.empty()) out += (out.empty() ? "" : ", ") + text;
  }
  return out;
}

class FactTable {
 public:
  void add(const OrderedJson& facts, int indent) {
    for (const auto& [name, value] : facts.items()) {
      if (value.is_object()) {
        out_ += fmt::format("{:{}}{}\n", "", indent, said(name));
        add(value, indent + 2);
      } else if (!value.is_array()) {
        add_line(indent, name, value_text(name, value));
      } else if (!value.empty() && value.front().is_object()) {
        for (const OrderedJson& item : value) add_line(indent, name, list_text(item));
      } else if (!value.empty()) {
        add_line(indent, name, list_text(value));
      }
    }
  }
  std::string take() { return std::move(out_); }

 private:
  void add_line(int indent, std::string_view name, const std::string& text) {
    const std::string label = said(name);
    const int gap = std::max(1, kNameColumns + 1 - indent - columns(label));
    out_ += fmt::format("{:{}}{}{:{}}{}\n", "", indent, label, "", gap, text);
  }

  std::string out_;
};

}  // namespace

std::string fact_table(const OrderedJson& facts) {
  FactTable table;
  table.add(facts, 0);
  return table.take();
}

}  // namespace shijian::app
