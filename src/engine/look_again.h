// Further looks at parts of a video, which make an answer more exact.
#pragma once

#include <span>

#include "engine/engine_state.h"
#include "engine/media.h"
#include "engine/request.h"

namespace shijian::engine {

// Refines the answers of a first look at `video`, whose probe is known, as the request's effort
// says. Progress of these looks is the stage "zooming". Throws as Engine::locate does.
void look_again(EngineState& state, const LocateRequest& request, const MediaFile& video,
                const RunHooks& hooks, std::span<grounding::Answer> answers);

}  // namespace shijian::engine
