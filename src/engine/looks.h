// What a plan looks at, for people and machines.
#pragma once

#include <vector>

#include "engine/media.h"
#include "grounding/output.h"

namespace shijian::engine {

// Of the first look at a planned video: the whole window, or its still and its busy parts.
std::vector<grounding::PlannedLook> first_looks(const Media& video);

}  // namespace shijian::engine
