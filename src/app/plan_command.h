#pragma once

#include <CLI/App.hpp>

namespace shijian::app {

void add_plan_command(CLI::App& app);

}  // namespace shijian::app
