#include "app/commands.h"

#include "app/bench_command.h"
#include "app/cache_command.h"
#include "app/calibrate_command.h"
#include "app/describe_command.h"
#include "app/eval_command.h"
#include "app/info_command.h"
#include "app/locate_command.h"
#include "app/plan_command.h"
#include "app/serve_command.h"
#include "app/synth_command.h"

namespace shijian::app {
namespace {

constexpr const char* kCommandsFooter = R"(
Start here:
  shijian locate video.mp4 "When does the dog jump?"
  shijian COMMAND --help

Exit status: 0 done, 2 wrong usage, 1 failed.)";

}  // namespace

void add_commands(CLI::App& app, const char* version) {
  app.description("shijian (事件, 时间) finds when an event happens in a video");
  app.footer(kCommandsFooter);
  app.require_subcommand(1);
  add_locate_command(app);
  add_describe_command(app);
  add_plan_command(app);
  add_info_command(app);
  add_synth_command(app);
  add_eval_command(app);
  add_calibrate_command(app);
  add_bench_command(app);
  add_serve_command(app, version);
  add_cache_command(app);
}

}  // namespace shijian::app
