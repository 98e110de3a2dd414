// Settings of a command from a TOML file.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace shijian::app {

// Gives every option of `command` that neither the command line nor the environment has set the
// value that `file` has under its long name. Called after parsing. Error(kUsage) for a file that is
// no TOML, a name that is no option, a value that the option does not take; kNotFound, kPermission.
void apply_config_file(CLI::App& command, const std::string& file);

}  // namespace shijian::app
