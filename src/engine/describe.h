// The model's next turn in a chat.
#pragma once

#include "engine/engine_state.h"
#include "engine/request.h"

namespace shijian::engine {

// Throws as Engine::describe does.
Description describe(EngineState& state, const DescribeRequest& request, const RunHooks& hooks);

}  // namespace shijian::engine
