// The steps of a run from its plan to where the model can be asked.
#pragma once

#include <span>
#include <vector>

#include "engine/conversation.h"
#include "engine/engine_state.h"
#include "engine/planned_media.h"
#include "engine/session.h"
#include "grounding/output.h"
#include "model/generate.h"
#include "model/vision_encoder.h"

namespace shijian::engine {

// A session with room for any of `prompts` (at least one) and its answer, which begins with what is
// known of the first. `state` must outlive it. Error(kUsage) when a prompt and its answer do not
// fit the context, and the errors of check_request.
Session open_session(EngineState& state, const PlannedMedia& planned,
                     std::span<const TokenSequence> prompts, const model::GenerateOptions& options,
                     const GenerationRequest& request);

// What answers cost and what they need not cost.
struct Costs {
  grounding::Timing timing;
  grounding::Reuse reuse;
};

struct MediaFeatures {
  std::vector<model::VisionFeatures> features;  // [media], see VisionOutcome
  Costs costs;                                  // of decoding and encoding
};

// The features of all that the session has to read to answer `prompts`, one after another. Media
// lose their patches and, unless they are to be kept, their frames; planned.damaged is then known.
// Throws the errors of VisionStage::run.
MediaFeatures read_media(EngineState& state, PlannedMedia& planned,
                         std::span<const TokenSequence> prompts, Session& session, bool keep_frames,
                         const RunHooks& hooks);

}  // namespace shijian::engine
