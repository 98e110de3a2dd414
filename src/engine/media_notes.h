// What an answer should be read with because of the files that it is about.
#pragma once

#include <optional>
#include <vector>

#include "engine/media.h"
#include "engine/planned_media.h"
#include "grounding/notes.h"
#include "video/plan.h"

namespace shijian::engine {

// Frames a second of what was looked at.
double rate_seen(const Media& video);

// Where the part that was asked about reaches past the end of the video.
std::optional<grounding::Note> window_cut(const video::VideoInfo& info,
                                          const SamplingRequest& asked);

// In the order of the media. Damage is known only after decoding.
std::vector<grounding::Note> media_notes(const PlannedMedia& planned,
                                         const MediaSettings& settings);

}  // namespace shijian::engine
