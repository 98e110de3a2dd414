#pragma once

#include <CLI/App.hpp>

namespace shijian::app {

// shijian locate VIDEO QUESTION: when something happens in a video.
void add_locate_command(CLI::App& app);

}  // namespace shijian::app
