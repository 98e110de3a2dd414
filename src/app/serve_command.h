// `shijian serve`: the HTTP API, the job queue and the web page.
#pragma once

#include <CLI/App.hpp>

namespace shijian::app {

void add_serve_command(CLI::App& app, const char* version);

}  // namespace shijian::app
