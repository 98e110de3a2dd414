// A first look at a video that is longer than the model is good for: window after window.
#pragma once

#include "engine/engine_state.h"
#include "engine/media.h"
#include "engine/request.h"

namespace shijian::engine {

// Seconds of the part asked about that are shown at once; no more is there where that is 0: frames
// that were asked for by number are one look.
double window_seconds(const LocateRequest& request, const video::VideoInfo& info,
                      const LoadedModel& model);

// Answers the request's questions of each window of `video`, whose probe is known, and joins the
// answers; ordinals of the questions are left out. Memory is that of one window. Progress is the
// stage "searching". Throws as Engine::locate does.
LocateResult look_in_windows(EngineState& state, const LocateRequest& request,
                             const MediaFile& video, const RunHooks& hooks);

}  // namespace shijian::engine
