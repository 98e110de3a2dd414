#pragma once

#include <CLI/App.hpp>

namespace shijian::app {

// shijian bench: how fast this machine runs a checkpoint.
void add_bench_command(CLI::App& app);

}  // namespace shijian::app
