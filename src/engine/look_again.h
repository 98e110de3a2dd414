// What is made of the answers of a first look: what they found is looked at again, believed or not,
// and made more exact.
#pragma once

#include <span>

#include "engine/engine_state.h"
#include "engine/media.h"
#include "engine/request.h"

namespace shijian::engine {

// Works on the answers of a first look at `video`, whose probe is known, as far as the request's
// effort goes:
//   verify  what was found in one of several windows, and with Effort::kHigh all
//   believe events that are more likely wrong than right become answer.rejected; confidences are
//           calibrated where the model has a calibration
//   choose  the one that an ordinal asks for, where windows were asked without it
//   zoom    to the boundaries
// Progress of these looks is the stage "zooming". With Effort::kLow confidences are set and nothing
// else. Throws as Engine::locate does.
void look_again(EngineState& state, const LocateRequest& request, const MediaFile& video,
                const RunHooks& hooks, std::span<grounding::Answer> answers);

}  // namespace shijian::engine
