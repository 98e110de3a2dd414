// What the command line lacks or has too much, as CLI11 found it.
#pragma once

#include <CLI/App.hpp>

#include "base/error.h"

namespace shijian::app {

// The same for one command, whose name the reader knows.
Text usage_text(const CLI::ParseError& error, const CLI::App& command);

// An Error(kUsage) for what `app` threw while it parsed; the hint names the help to read.
Error usage_error(const CLI::ParseError& error, const CLI::App& app);

}  // namespace shijian::app
