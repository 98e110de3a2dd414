// Text as editors and other systems save it: with a byte order mark or without, in UTF-8 or UTF-16,
// with any line ends.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace shijian {

// `text` without the byte order marks that it begins with: they are no part of it.
std::string_view without_bom(std::string_view text);

// `bytes` as UTF-8 without a byte order mark, which tells UTF-16 of either order too; `name` stands
// in messages. Error(kInvalid) for what is neither.
std::string decode_text(std::string_view bytes, std::string_view name);

// The errors of read_file() and decode_text().
std::string read_text_file(const std::filesystem::path& path, size_t max_bytes);

// The lines that hold anything, without the white space around them.
std::vector<std::string> filled_lines(std::string_view text);

}  // namespace shijian
