// What an answer should be read with because of the files that it is about.
#pragma once

#include <vector>

#include "engine/media.h"
#include "engine/planned_media.h"
#include "grounding/notes.h"
#include "video/plan.h"

namespace shijian::engine {

// Frames a second of what was looked at.
double rate_seen(const Media& video, const video::SamplingOptions& sampled);

// In the order of the media. Damage is known only after decoding.
std::vector<grounding::Note> media_notes(const PlannedMedia& planned,
                                         const MediaSettings& settings);

}  // namespace shijian::engine
