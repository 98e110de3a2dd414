#pragma once

#include <CLI/CLI.hpp>

namespace shijian::app {

// All subcommands; each runs from within parse(). `version` is what `serve` answers with.
void add_commands(CLI::App& app, const char* version);

}  // namespace shijian::app
