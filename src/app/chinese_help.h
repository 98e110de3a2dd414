// The help in Chinese. Descriptions are written in English where their options are;
// i18n/chinese.txt has the Chinese of each, and a test knows that none is missing.
#pragma once

#include <CLI/CLI.hpp>

namespace shijian::app {

// Replaces every description, group, footer and label of the app and its subcommands; what the
// table lacks stays as it is.
void help_in_chinese(CLI::App& app);

}  // namespace shijian::app
