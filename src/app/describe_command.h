#pragma once

#include <CLI/App.hpp>

namespace shijian::app {

// shijian describe FILE… PROMPT: any prompt over videos and images, the general chat ability.
void add_describe_command(CLI::App& app);

}  // namespace shijian::app
