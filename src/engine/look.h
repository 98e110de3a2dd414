// One look at one part of a video: every question answered from the same frames.
#pragma once

#include "engine/engine_state.h"
#include "engine/media.h"
#include "engine/request.h"

namespace shijian::engine {

// Error(kUsage) where there is no question, and the errors of grounding::check_question().
void check_questions(const LocateRequest& request);

// Whether the prompt is likely to be asked again, with another question.
enum class Prompts { kKept, kForgotten };

// Answers the request's questions of `video`, which stands for the request's own. Throws as
// Engine::locate does.
LocateResult look(EngineState& state, const LocateRequest& request, const MediaFile& video,
                  const RunHooks& hooks, Prompts prompts = Prompts::kKept);

}  // namespace shijian::engine
