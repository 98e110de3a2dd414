#include "engine/engine.h"

#include <optional>
#include <utility>

#include "engine/describe.h"
#include "engine/engine_state.h"
#include "engine/explain.h"
#include "engine/look.h"
#include "engine/look_again.h"
#include "engine/planned_media.h"
#include "engine/windowed_look.h"

namespace shijian::engine {

std::optional<Effort> parse_effort(std::string_view name) {
  if (name == "low") return Effort::kLow;
  if (name == "normal") return Effort::kNormal;
  if (name == "high") return Effort::kHigh;
  return std::nullopt;
}

Engine::Engine(const EngineOptions& options) : state_(std::make_unique<EngineState>(options)) {}
Engine::~Engine() = default;

LocateResult Engine::locate(const LocateRequest& request, const RunHooks& hooks) {
  MediaFile video{request.video, false, request.content};
  // What is recorded or given from outside is one look at the video.
  const bool once = hooks.stages != nullptr || hooks.overrides != nullptr;
  if (once) return look(*state_, request, video, hooks);
  check_questions(request);  // before the file is read through
  bool in_windows = false;
  if (request.effort != Effort::kLow) {
    if (hooks.progress) hooks.progress({"probing", 0, 0, {}});
    add_probe(video, request.sampling, hooks.cancel);
    in_windows = window_seconds(request, *video.known, state_->model) > 0;
  }
  LocateResult result = in_windows ? look_in_windows(*state_, request, video, hooks)
                                   : look(*state_, request, video, hooks);
  look_again(*state_, request, video, hooks, result.answers);
  if (request.why) explain(*state_, request, video, hooks, result.answers);
  return result;
}

Description Engine::describe(const DescribeRequest& request, const RunHooks& hooks) {
  return engine::describe(*state_, request, hooks);
}

const std::string& Engine::model_name() const { return state_->model.name(); }
const checkpoint::Checkpoint& Engine::checkpoint() const { return state_->model.checkpoint(); }
grounding::PromptStyle Engine::default_prompt_style() const { return state_->model.prompt_style(); }
bool Engine::opens_thinking() const { return state_->model.opens_thinking(); }
int Engine::threads() const { return state_->model.threads(); }
void Engine::check_context(const GenerationRequest& request) const {
  state_->model.context_of(request);
}
Media Engine::plan(const std::filesystem::path& video, const SamplingRequest& sampling,
                   const std::stop_token& cancel) const {
  LoadedModel& model = state_->model;
  return plan_media({video, false}, sampling, model.media_settings(), model.pool(), cancel);
}
CacheReport Engine::cache_report() const { return state_->caches.report(); }

}  // namespace shijian::engine
