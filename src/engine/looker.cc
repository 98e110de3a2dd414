#include "engine/looker.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/answer_record.h"
#include "engine/look.h"
#include "grounding/slot_stamps.h"
#include "localise/ordinal.h"

namespace shijian::engine {

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

}  // namespace shijian::engine
