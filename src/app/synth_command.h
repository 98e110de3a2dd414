// `shijian synth`: synthetic clips as files or as a training stream.
#pragma once

namespace CLI {
class App;
}

namespace shijian::app {

// Adds the subcommand. It runs when parsing ends; errors are thrown as Error.
void add_synth_command(CLI::App& app);

}  // namespace shijian::app
