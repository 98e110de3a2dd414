#include "engine/explain.h"

#include <algorithm>
#include <utility>

#include "engine/answer_record.h"
#include "engine/describe.h"
#include "engine/look.h"
#include "engine/looker.h"
#include "grounding/answer.h"
#include "grounding/reason.h"
#include "localise/ordinal.h"
#include "localise/verify.h"

namespace shijian::engine {
namespace {

using grounding::Answer;
using grounding::Event;

constexpr int64_t kLongestReason = 160;  // tokens

const Event& surest(const Answer& answer) {
  return *std::max_element(answer.events.begin(), answer.events.end(),
                           [](const Event& a, const Event& b) {
                             return a.confidence.value_or(0) < b.confidence.value_or(0);
                           });
}

text::Part words(std::string_view text) { return {text::Part::Kind::kText, std::string(text), 0}; }

// The event with half of its length on both sides.
LocateRequest request_around(const Event& event, const Answer& answer,
                             const LocateRequest& request) {
  const double margin = localise::margin_of(event);
  LocateRequest part = request_of_part(request);
  part.questions = {localise::read_ordinal(answer.question).plain};
  part.sampling.from = std::max(answer.sampling.from, event.start - margin);
  part.sampling.to = std::min(answer.sampling.to, event.end + margin);
  return part;
}

void contradict(Answer& answer) { answer.notes.push_back({grounding::NoteCode::kContradiction}); }

// The chat up to the question why: `asked` was answered with `reply`.
DescribeRequest chat_about(const LocateRequest& asked, const MediaFile& video,
                           const grounding::Prompt& prompt, const std::string& reply) {
  const text::Part shown{text::Part::Kind::kVideo, {}, 0};
  DescribeRequest chat;
  chat.media = {video};
  chat.sampling = asked.sampling;
  chat.generation = asked.generation;
  chat.generation.max_new_tokens = kLongestReason;
  chat.generation.temperature = 0;
  chat.messages = {{"user", {shown, words(prompt.text)}, {}, {}},
                   {"assistant", {words(reply)}, {}, {}},
                   {"user", {words(grounding::reason_question(prompt.language))}, {}, {}}};
  return chat;
}

void ask_why(EngineState& state, const LocateRequest& request, const MediaFile& video,
             const RunHooks& hooks, Answer& answer) {
  const LocateRequest part = request_around(surest(answer), answer, request);
  const Answer seen = std::move(look(state, part, video, hooks).answers.front());
  add_costs(seen, answer);
  if (seen.events.empty()) return contradict(answer);
  const grounding::Prompt prompt = grounding::make_prompt(
      part.questions.front(), part.prompt_style.value_or(state.model.prompt_style()));
  const Description reply = describe(state, chat_about(part, video, prompt, seen.response), hooks);
  add_costs(reply, answer);
  answer.reasoning = reply.response;
  answer.reasoning_source = answer.reasoning.empty() ? "" : "model";
  if (grounding::parse_answer(reply.response, {}).absent) contradict(answer);
}

}  // namespace

void explain(EngineState& state, const LocateRequest& request, const MediaFile& video,
             const RunHooks& hooks, std::span<Answer> answers) {
  RunHooks quiet;
  quiet.cancel = hooks.cancel;
  for (Answer& answer : answers) {
    answer.explained = true;
    if (answer.events.empty() || !answer.reasoning.empty()) continue;
    if (hooks.progress) hooks.progress({"zooming", 0, 0, {}});
    if (state.model.media_settings().profile.explains) {
      ask_why(state, request, video, quiet, answer);
    }
    if (!answer.reasoning.empty()) continue;
    answer.reasoning = grounding::evidence_reason(answer);
    answer.reasoning_source = "evidence";
  }
}

}  // namespace shijian::engine
