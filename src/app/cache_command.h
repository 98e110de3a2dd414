#pragma once

#include <CLI/App.hpp>

namespace shijian::app {

// `shijian cache`: what is kept on disk between runs.
void add_cache_command(CLI::App& app);

}  // namespace shijian::app
