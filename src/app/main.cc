// The program: reads the command line and turns an Error into a message and an exit status.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "app/synth_command.h"
#include "base/error.h"

int main(int argc, char** argv) {
  CLI::App app{"shijian finds when an event happens in a video", "shijian"};
  app.require_subcommand(1);
  shijian::add_synth_command(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    return status == 0 ? 0 : 2;
  } catch (const shijian::Error& error) {
    fmt::print(stderr, "shijian: {}\n", error.message());
    if (!error.hint().empty()) fmt::print(stderr, "  hint: {}\n", error.hint());
    return error.code() == shijian::ErrorCode::kUsage ? 2 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "shijian: {}\n", error.what());
    return 1;
  }
  return 0;
}
