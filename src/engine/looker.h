// Further looks at parts of a video, which the steps of localise ask for.
#pragma once

#include <optional>

#include "engine/engine_state.h"
#include "engine/media.h"
#include "engine/request.h"
#include "localise/look.h"

namespace shijian::engine {

// A request as it is made again of a part of its video: at a rate, without pictures or the
// alternatives of tokens.
LocateRequest request_of_part(LocateRequest request);

// Asks one question again and again of parts of one video. What it refers to must outlive it.
class Looker {
 public:
  // `video`: its probe is known. Progress is the stage "zooming".
  Looker(EngineState& state, const LocateRequest& request, const MediaFile& video,
         const RunHooks& hooks);

  // Asks answer.question, without its ordinal, of one part; adds what it costs and where it looked
  // to `answer`. Throws as Engine::locate does.
  localise::Sighting look_at(const localise::Look& part, grounding::Answer& answer);

  // The same; where its answers leave open whether anything is there, it is asked for a yes or a
  // no.
  localise::Sighting check(const localise::Look& part, grounding::Answer& answer);

  double usual_fps() const { return usual_fps_; }  // frames a second that the model knows best

 private:
  // Asks whether the part that was looked at last shows what answer.question asks about, where its
  // answers leave that open: the probability of a yes. Empty for models that think aloud, or that
  // say neither.
  std::optional<double> ask_whether(grounding::Answer& answer);

  EngineState& state_;
  LocateRequest request_;
  const MediaFile& video_;
  const RunHooks& hooks_;
  double usual_fps_ = 0;
  int64_t looks_ = 0;
};

}  // namespace shijian::engine
