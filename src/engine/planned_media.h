// A request's media before decoding: what will be looked at of each, and by what names it is kept.
#pragma once

#include <string>
#include <vector>

#include "engine/engine_state.h"
#include "engine/media.h"
#include "engine/slot_keys.h"

namespace shijian::engine {

struct PlannedMedia {
  std::vector<Media> media;
  bool kept = false;                   // what is computed of them may be kept for later requests
  std::vector<std::string> states;     // [media] of the files
  std::vector<SlotKeys> keys;          // [media]
  std::vector<SamplingRequest> asked;  // [media]
  bool damaged = false;                // some file could not be read whole
};

// What a video file is, unless `file` knows. Throws the errors of probe().
void add_probe(MediaFile& file, const SamplingRequest& sampling, const std::stop_token& cancel);
// What goes on in a video whose probe is known, unless `file` knows. Throws the errors of scan().
void add_scan(MediaFile& file, EngineState& state, const std::stop_token& cancel);

// Probes and plans each of `files`, in order; `sampling` is for those without their own. Throws the
// errors of plan_media and EngineCaches::content_of.
PlannedMedia plan_request_media(const std::vector<MediaFile>& files,
                                const SamplingRequest& sampling, EngineState& state,
                                const RunHooks& hooks);

}  // namespace shijian::engine
