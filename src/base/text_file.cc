#include "base/text_file.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/utf8.h"

namespace shijian {
namespace {

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";
constexpr std::string_view kLittleEndianMark = "\xFF\xFE";
constexpr std::string_view kBigEndianMark = "\xFE\xFF";

[[noreturn]] void not_text(std::string_view name, const Text& what) {
  throw Error(ErrorCode::kInvalid, "read {}: {}"_text(name, what), "save it as text in UTF-8"_text);
}

std::string from_utf16(std::string_view bytes, bool little_endian, std::string_view name) {
  if (bytes.size() % 2 != 0) not_text(name, "its UTF-16 ends in half a character"_text);
  const auto unit = [&](size_t i) -> char32_t {
    const auto first = static_cast<unsigned char>(bytes[i]);
    const auto second = static_cast<unsigned char>(bytes[i + 1]);
    return little_endian ? first | second << 8 : first << 8 | second;
  };
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    char32_t code = unit(i);
    const bool pair = code >= 0xD800 && code < 0xDC00 && i + 2 < bytes.size() &&
                      unit(i + 2) >= 0xDC00 && unit(i + 2) < 0xE000;
    if (pair) {
      code = 0x10000 + ((code - 0xD800) << 10) + (unit(i + 2) - 0xDC00);
      i += 2;
    } else if (code >= 0xD800 && code < 0xE000) {
      not_text(name, "its UTF-16 has half a character"_text);
    }
    append_utf8(text, code);
  }
  return text;
}

std::string_view trimmed(std::string_view line) {
  size_t first = line.size(), last = 0;
  for (size_t at = 0; at < line.size();) {
    const Utf8Char c = read_utf8(line, at);
    if (!is_space(c.code)) {
      first = std::min(first, at);
      last = at + c.size;
    }
    at += c.size;
  }
  return last == 0 ? std::string_view() : line.substr(first, last - first);
}

}  // namespace

std::string_view without_bom(std::string_view text) {
  while (text.starts_with(kUtf8Mark)) text.remove_prefix(kUtf8Mark.size());
  return text;
}

std::string decode_text(std::string_view bytes, std::string_view name) {
  std::string text;
  const bool little_endian = bytes.starts_with(kLittleEndianMark);
  if (little_endian || bytes.starts_with(kBigEndianMark)) {
    text = from_utf16(bytes.substr(kLittleEndianMark.size()), little_endian, name);
  } else {
    text = without_bom(bytes);
  }
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = read_utf8(text, at);
    if (!c.valid || c.code == 0) {
      const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<int64_t>(at), '\n');
      not_text(name, "line {} is not text in UTF-8"_text(line));
    }
    at += c.size;
  }
  return text;
}

std::string read_text_file(const std::filesystem::path& path, size_t max_bytes) {
  return decode_text(read_file(path, max_bytes), path.string());
}

std::vector<std::string> filled_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\r\n"), text.size());
    if (const std::string_view line = trimmed(text.substr(0, end)); !line.empty()) {
      lines.emplace_back(line);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace shijian
