#include "engine/looker.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/answer_record.h"
#include "engine/describe.h"
#include "engine/look.h"
#include "grounding/slot_stamps.h"
#include "grounding/yes_no.h"
#include "localise/ordinal.h"

namespace shijian::engine {
namespace {

constexpr int kAlternatives = 20;  // of a token, among which a yes or a no is looked for

}  // namespace

LocateRequest request_of_part(LocateRequest request) {
  request.sampling.adaptive = false;
  request.sampling.frames.reset();
  request.sampling.min_frames.reset();
  request.keep_frames = false;
  request.generation.logprobs = 0;
  return request;
}

Looker::Looker(EngineState& state, const LocateRequest& request, const MediaFile& video,
               const RunHooks& hooks)
    : state_(state), request_(request_of_part(request)), video_(video), hooks_(hooks) {
  usual_fps_ = state.model.media_settings().sampling(request.sampling).fps;
}

localise::Sighting Looker::look_at(const localise::Look& part, grounding::Answer& answer) {
  request_.questions = {localise::read_ordinal(answer.question).plain};
  request_.sampling.from = part.from;
  request_.sampling.to = part.to;
  request_.sampling.fps = part.fps;
  // The prompt's stamps lie as far apart as those that the model knows best.
  request_.sampling.clock_rate = std::max(1.0, part.fps / usual_fps_);
  if (hooks_.progress) hooks_.progress({"zooming", looks_, 0, {}});
  RunHooks quiet;
  quiet.cancel = hooks_.cancel;
  grounding::Answer seen =
      std::move(look(state_, request_, video_, quiet, Prompts::kForgotten).answers.front());
  ++looks_;
  add_costs(seen, answer);
  answer.sampling.plan.push_back(
      {seen.sampling.from, seen.sampling.to, seen.sampling.fps, std::string(part.reason)});
  return {std::move(seen.events), grounding::slot_gap(seen.sampling.slot_times, part.from),
          seen.presence};
}

localise::Sighting Looker::check(const localise::Look& part, grounding::Answer& answer) {
  localise::Sighting seen = look_at(part, answer);
  if (!seen.presence) seen.presence = ask_whether(answer);
  return seen;
}

std::optional<double> Looker::ask_whether(grounding::Answer& answer) {
  if (state_.model.opens_thinking()) return std::nullopt;
  const std::string words = grounding::yes_no_question(request_.questions.front(), answer.language);
  DescribeRequest chat;
  chat.media = {video_};
  chat.sampling = request_.sampling;
  chat.generation = request_.generation;
  chat.generation.max_new_tokens = 1;
  chat.generation.temperature = 0;
  chat.generation.logprobs = kAlternatives;
  chat.messages = {
      {"user", {{text::Part::Kind::kVideo, {}, 0}, {text::Part::Kind::kText, words, 0}}, {}, {}}};
  RunHooks quiet;
  quiet.cancel = hooks_.cancel;
  const Description reply = describe(state_, chat, quiet);
  add_costs(reply, answer);
  if (reply.tokens.empty()) return std::nullopt;
  return grounding::probability_of_yes(reply.tokens.front().top);
}

}  // namespace shijian::engine
