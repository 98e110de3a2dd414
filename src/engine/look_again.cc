#include "engine/look_again.h"

#include <algorithm>
#include <utility>

#include "engine/answer_record.h"
#include "engine/look.h"
#include "grounding/slot_stamps.h"
#include "localise/ordinal.h"
#include "localise/zoom.h"

namespace shijian::engine {
namespace {

// Asks one question again and again of parts of one video.
class Looker {
 public:
  Looker(EngineState& state, const LocateRequest& request, const MediaFile& video,
         const RunHooks& hooks)
      : state_(state), request_(request), video_(video), hooks_(hooks) {
    usual_fps_ = state.model.media_settings().sampling(request.sampling).fps;
    request_.sampling.adaptive = false;
    request_.keep_frames = false;
    request_.generation.logprobs = 0;
    request_.sampling.frames.reset();
    request_.sampling.min_frames.reset();
  }

  localise::Sighting look_at(const localise::Look& part, grounding::Answer& answer) {
    request_.questions = {localise::read_ordinal(answer.question).plain};
    request_.sampling.from = part.from;
    request_.sampling.to = part.to;
    request_.sampling.fps = part.fps;
    // The prompt's stamps lie as far apart as those that the model knows best.
    request_.sampling.clock_rate = std::max(1.0, part.fps / usual_fps_);
    if (hooks_.progress) hooks_.progress({"zooming", looks_, 0, {}});
    RunHooks quiet;
    quiet.cancel = hooks_.cancel;
    const grounding::Answer seen =
        std::move(look(state_, request_, video_, quiet, Prompts::kForgotten).answers.front());
    ++looks_;
    add_costs(seen, answer);
    answer.sampling.plan.push_back(
        {seen.sampling.from, seen.sampling.to, seen.sampling.fps, std::string(part.reason)});
    return {seen.events, grounding::slot_gap(seen.sampling.slot_times, part.from)};
  }

 private:
  EngineState& state_;
  LocateRequest request_;
  const MediaFile& video_;
  const RunHooks& hooks_;
  double usual_fps_ = 0;
  int64_t looks_ = 0;
};

}  // namespace

void look_again(EngineState& state, const LocateRequest& request, const MediaFile& video,
                const RunHooks& hooks, std::span<grounding::Answer> answers) {
  const video::VideoInfo& info = *video.known;
  Looker looker(state, request, video, hooks);
  for (grounding::Answer& answer : answers) {
    localise::ZoomOptions options;
    options.precision = request.precision;
    options.start = std::max(answer.sampling.from, info.start_time);
    options.end = answer.sampling.to;
    options.frame_rate = info.frame_rate.value();
    localise::zoom(answer.events, answer.sampling.slot_times, options,
                   [&](const localise::Look& part) { return looker.look_at(part, answer); });
  }
}

}  // namespace shijian::engine
