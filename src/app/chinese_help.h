// The help in Chinese. Descriptions are written in English where their options are; one table has
// the Chinese of each, and a test knows that none is missing.
#pragma once

#include <CLI/CLI.hpp>
#include <string_view>

namespace shijian {

// SHIJIAN_LANG (zh or en), else the locale that LC_ALL, LC_MESSAGES or LANG names.
bool reads_chinese();

// Replaces every description, group, footer and label of the app and its subcommands; what the
// table lacks stays as it is.
void help_in_chinese(CLI::App& app);

// The Chinese of a description, or empty.
std::string_view chinese_of(std::string_view english);

}  // namespace shijian
