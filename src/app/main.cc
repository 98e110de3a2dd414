// The program: reads the command line and turns an Error into a message and an exit status.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>
#include <string_view>

#include "app/bench_command.h"
#include "app/cache_command.h"
#include "app/describe_command.h"
#include "app/eval_command.h"
#include "app/info_command.h"
#include "app/interrupt.h"
#include "app/locate_command.h"
#include "app/serve_command.h"
#include "app/synth_command.h"
#include "base/error.h"
#include "video/sandbox.h"

namespace {

constexpr const char* kFooter = R"(
Start here:
  shijian locate video.mp4 "When does the dog jump?"
  shijian COMMAND --help

Exit status: 0 done, 2 wrong usage, 1 failed.)";

int report(const shijian::Error& error) {
  fmt::print(stderr, "shijian: {}\n", error.message());
  if (!error.hint().empty()) fmt::print(stderr, "  hint: {}\n", error.hint());
  return error.code() == shijian::ErrorCode::kUsage ? 2 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == shijian::kDecodeWorker) {
    return shijian::run_decode_worker();
  }
  shijian::interrupt_token();  // from here on Ctrl-C cancels
  CLI::App app{"shijian (事件, 时间) finds when an event happens in a video", "shijian"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "shijian " SHIJIAN_VERSION);
  app.footer(kFooter);
  shijian::add_locate_command(app);
  shijian::add_describe_command(app);
  shijian::add_info_command(app);
  shijian::add_synth_command(app);
  shijian::add_eval_command(app);
  shijian::add_bench_command(app);
  shijian::add_serve_command(app, SHIJIAN_VERSION);
  shijian::add_cache_command(app);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const shijian::Error& error) {
    return report(error);
  } catch (const std::bad_alloc&) {
    return report({shijian::ErrorCode::kNoMemory, "out of memory",
                   "use fewer or smaller frames, or a machine with more memory"});
  } catch (const std::exception& error) {
    return report({shijian::ErrorCode::kInternal, error.what(), "this is a bug: please report it"});
  }
}
