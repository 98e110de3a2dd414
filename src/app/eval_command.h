#pragma once

#include <CLI/App.hpp>

namespace shijian::app {

// shijian eval: scores a model on annotated videos.
void add_eval_command(CLI::App& app);

}  // namespace shijian::app
