#include "engine/engine.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "engine/answer_record.h"
#include "engine/engine_state.h"
#include "engine/look.h"
#include "engine/look_again.h"
#include "engine/planned_media.h"
#include "engine/run.h"
#include "engine/seconds.h"
#include "engine/session.h"
#include "engine/windowed_look.h"

namespace shijian::engine {
namespace {

constexpr size_t kMaxChatBytes = size_t{1} << 20;  // of all its text

size_t text_bytes(const DescribeRequest& request) {
  size_t bytes = 0;
  for (const text::Message& message : request.messages) {
    bytes += message.reasoning.size();
    for (const text::Part& part : message.parts) bytes += part.text.size();
    for (const text::ToolCall& call : message.tool_calls) bytes += call.arguments.size();
  }
  for (const std::string& tool : request.tools) bytes += tool.size();
  return bytes;
}

void check_chat(const DescribeRequest& request) {
  const size_t bytes = text_bytes(request);
  if (bytes > kMaxChatBytes) {
    throw Error(ErrorCode::kUsage,
                "chat: {} bytes, at most {} are accepted"_text(bytes, kMaxChatBytes),
                "say it in fewer words"_text);
  }
}

model::GenerateOptions describe_options(const GenerationRequest& request, const LoadedModel& model,
                                        const TokenSequence& prompt) {
  model::GenerateOptions options = model.generate_options(request, DefaultSampling::kCheckpoint);
  // A length that nobody asked for is no reason to refuse a prompt that leaves some room.
  const int64_t room = model.context_of(request) - static_cast<int64_t>(prompt.ids.size());
  if (!request.max_new_tokens && !request.max_context && room > 0) {
    options.max_new_tokens = std::min(options.max_new_tokens, room);
  }
  return options;
}

// `constraint` outlives the generation.
void constrain(model::GenerateOptions& options, guided::JsonConstraint& constraint) {
  options.constrain = [&constraint, taken = size_t{0}](auto so_far, auto scores) mutable {
    for (; taken < so_far.size(); ++taken) constraint.take(so_far[taken].token);
    constraint.edit(scores);
  };
}

}  // namespace

std::optional<Effort> parse_effort(std::string_view name) {
  if (name == "low") return Effort::kLow;
  if (name == "normal") return Effort::kNormal;
  return std::nullopt;
}

Engine::Engine(const EngineOptions& options) : state_(std::make_unique<EngineState>(options)) {}
Engine::~Engine() = default;

LocateResult Engine::locate(const LocateRequest& request, const RunHooks& hooks) {
  MediaFile video{request.video, false, request.content};
  // What is recorded or given from outside is one look at the video.
  const bool once = hooks.stages != nullptr || hooks.overrides != nullptr;
  if (request.effort == Effort::kLow || once) return look(*state_, request, video, hooks);
  check_questions(request);  // before the file is read through
  if (hooks.progress) hooks.progress({"probing", 0, 0, {}});
  add_probe(video, request.sampling, hooks.cancel);
  const bool in_windows = window_seconds(request, *video.known, state_->model) > 0;
  LocateResult result = in_windows ? look_in_windows(*state_, request, video, hooks)
                                   : look(*state_, request, video, hooks);
  look_again(*state_, request, video, hooks, result.answers);
  return result;
}

Description Engine::describe(const DescribeRequest& request, const RunHooks& hooks) {
  const auto start = Clock::now();
  check_chat(request);
  LoadedModel& model = state_->model;
  PlannedMedia planned = plan_request_media(request.media, request.sampling, *state_, hooks);
  const TokenSequence prompt =
      model.tokens(request.messages, request.tools, planned.media, planned.keys);
  model::GenerateOptions options = describe_options(request.generation, model, prompt);
  std::optional<guided::JsonConstraint> constraint;
  if (request.format) {
    constraint.emplace(model.constraint(request.format, options.stop_tokens));
    constrain(options, *constraint);
  }
  Session session = open_session(*state_, planned, {&prompt, 1}, options, request.generation);
  MediaFeatures read =
      read_media(*state_, planned, {&prompt, 1}, session, /*keep_frames=*/false, hooks);

  const double before = seconds_since(start);
  Reply reply = session.ask(prompt, read.features, options, hooks);
  add_reply(read.costs, reply, before);
  Description description =
      make_description(request, model, planned, prompt, std::move(reply), read.costs);
  description.media = std::move(planned.media);
  description.timing.total = seconds_since(start);
  return description;
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
