#include "grounding/normal_text.h"

#include "base/utf8.h"

namespace shijian::grounding {

namespace {

// What stands for one character in the normal text; empty when it stays itself.
std::string_view plain_form(char32_t c) {
  switch (c) {
    case U'‐':
    case U'‑':
    case U'‒':
    case U'–':
    case U'—':
    case U'―':
    case U'−':
    case U'﹣':
    case U'－':
      return "-";
    case U'～':
    case U'〜':
    case U'∼':
    case U'˜':
      return "~";
    case U'“':
    case U'”':
    case U'„':
    case U'‟':
    case U'「':
    case U'」':
    case U'『':
    case U'』':
    case U'«':
    case U'»':
      return "\"";
    case U'‘':
    case U'’':
    case U'‚':
    case U'‛':
    case U'′':
      return "'";
    case U'【':
    case U'〔':
      return "[";
    case U'】':
    case U'〕':
      return "]";
    case U'→':
    case U'⇒':
    case U'➜':
      return "->";
    case U'、':
      return ",";
    case U'…':
      return "...";
    case U'：':
    case U'∶':
      return ":";
    case U'•':
    case U'·':
      return "*";
    case U'\u200B':
    case U'\uFEFF':
      return " ";
    default:
      return {};
  }
}

}  // namespace

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

TextRange NormalText::source_range(size_t begin, size_t end) const {
  if (begin >= end) return {};
  return {origin[begin], origin[end]};
}

std::string_view NormalText::source_slice(size_t begin, size_t end) const {
  const TextRange range = source_range(begin, end);
  return source.substr(range.begin, range.end - range.begin);
}

NormalText normalize(std::string_view source) {
  NormalText out;
  out.source = source;
  out.text.reserve(source.size());
  out.origin.reserve(source.size() + 1);
  for (size_t at = 0; at < source.size();) {
    const Utf8Char c = read_utf8(source, at);
    const size_t before = out.text.size();
    if (c.code >= 0xFF01 && c.code <= 0xFF5E && c.code != U'～') {
      out.text.push_back(static_cast<char>(c.code - 0xFEE0));
    } else if (const std::string_view plain =
                   c.code < 0x80 ? std::string_view() : plain_form(c.code);
               !plain.empty()) {
      out.text.append(plain);
    } else if (c.code >= 0x80 && is_space(c.code)) {
      out.text.push_back(' ');
    } else {
      append_utf8(out.text, c.code);
    }
    out.origin.insert(out.origin.end(), out.text.size() - before, at);
    at += c.size;
  }
  out.origin.push_back(source.size());
  return out;
}

}  // namespace shijian::grounding
