#pragma once

#include <CLI/App.hpp>

namespace shijian::app {

// shijian calibrate: learns how far a model's answers can be trusted.
void add_calibrate_command(CLI::App& app);

}  // namespace shijian::app
