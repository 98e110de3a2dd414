#pragma once

#include <CLI/App.hpp>

namespace shijian::app {

// shijian info [PATH…]: what a video, an image, a checkpoint or this machine is.
void add_info_command(CLI::App& app);

}  // namespace shijian::app
