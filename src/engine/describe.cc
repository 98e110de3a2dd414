#include "engine/describe.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "engine/answer_record.h"
#include "engine/constrained.h"
#include "engine/planned_media.h"
#include "engine/run.h"
#include "engine/seconds.h"
#include "engine/session.h"

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

}  // namespace

Description describe(EngineState& state, const DescribeRequest& request, const RunHooks& hooks) {
  const auto start = Clock::now();
  check_chat(request);
  LoadedModel& model = state.model;
  PlannedMedia planned = plan_request_media(request.media, request.sampling, state, hooks);
  const TokenSequence prompt =
      model.tokens(request.messages, request.tools, planned.media, planned.keys);
  model::GenerateOptions options = describe_options(request.generation, model, prompt);
  std::optional<guided::JsonConstraint> constraint;
  if (request.format) {
    constraint.emplace(model.constraint(request.format, options.stop_tokens));
    constrain(options, *constraint);
  }
  Session session = open_session(state, planned, {&prompt, 1}, options, request.generation);
  MediaFeatures read =
      read_media(state, planned, {&prompt, 1}, session, /*keep_frames=*/false, hooks);

  const double before = seconds_since(start);
  Reply reply = session.ask(prompt, read.features, options, hooks);
  add_reply(read.costs, reply, before);
  Description description =
      make_description(request, model, planned, prompt, std::move(reply), read.costs);
  description.media = std::move(planned.media);
  description.timing.total = seconds_since(start);
  return description;
}

}  // namespace shijian::engine
