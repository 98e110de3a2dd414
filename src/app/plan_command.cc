#include "app/plan_command.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <string>

#include "app/fact_table.h"
#include "app/flags.h"
#include "app/interrupt.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "engine/engine.h"
#include "engine/looks.h"
#include "video/sandbox.h"

namespace shijian::app {
namespace {

constexpr const char* kPlanFooter = R"(
Examples:
  shijian plan talk.mp4                   what `locate` looks at, and what it costs
  shijian plan talk.mp4 --fps adaptive    fewer frames where nothing goes on, both sides of each cut
  shijian plan talk.mp4 --fps 4 --from 10:00 --to 12:00 --json)";

struct PlanFlags {
  std::string video;
  bool json = false;
  ModelFlags model;
  SamplingFlags sampling;
};

OrderedJson plan_facts(const engine::Media& media, int64_t vision_tokens) {
  OrderedJson looks = OrderedJson::array();
  for (const grounding::PlannedLook& look : engine::first_looks(media)) {
    looks.push_back({{"from", thousandths(look.from)},
                     {"to", thousandths(look.to)},
                     {"fps", thousandths(look.fps)},
                     {"reason", look.reason}});
  }
  return {{"path", media.path},
          {"duration", thousandths(media.video.duration)},
          {"frames", media.plan.indices.size()},
          {"slots", media.slots},
          {"width", media.plan.width},
          {"height", media.plan.height},
          {"vision_tokens", vision_tokens},
          {"looks", std::move(looks)}};
}

void plan(const PlanFlags& flags) {
  require_regular_file(flags.video, "video"_text);
  video::start_decode_sandbox();
  const engine::Engine engine(flags.model.engine_options());
  const engine::Media media = engine.plan(flags.video, flags.sampling.request(), interrupt_token());
  const int64_t merge = engine.checkpoint().config().vision.spatial_merge_size;
  const OrderedJson facts = plan_facts(media, media.slots * media.slot_patches() / (merge * merge));
  write_output(flags.json ? write_json(facts, 2) + "\n" : fact_table(facts));
}

}  // namespace

void add_plan_command(CLI::App& app) {
  auto flags = std::make_shared<PlanFlags>();
  CLI::App* command =
      app.add_subcommand("plan", "Show which parts of a video would be looked at how often");
  command->footer(kPlanFooter);
  command->add_option("VIDEO", flags->video, "Video file")->required();
  command->add_flag("--json", flags->json, "Print JSON");
  flags->model.add_to(*command);
  flags->sampling.add_to(*command);
  command->callback([flags] { plan(*flags); });
}

}  // namespace shijian::app
