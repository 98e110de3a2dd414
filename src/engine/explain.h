// A reason for what was found.
#pragma once

#include <span>

#include "engine/engine_state.h"
#include "engine/media.h"
#include "engine/request.h"

namespace shijian::engine {

// Gives each answer with events, and without thoughts of the model's, a reason: the surest event is
// shown again with its surroundings, and the model, having named it, is asked in a second turn what
// it sees. A model that contradicts itself there gets a note. Where the checkpoint only names
// moments ("explains": false), the reason is what was measured. Throws as Engine::locate does.
void explain(EngineState& state, const LocateRequest& request, const MediaFile& video,
             const RunHooks& hooks, std::span<grounding::Answer> answers);

}  // namespace shijian::engine
