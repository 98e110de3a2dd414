#include "engine/planned_media.h"

#include <memory>

#include "cache/content_hashes.h"
#include "video/probe.h"
#include "video/scan.h"

namespace shijian::engine {

void add_probe(MediaFile& file, const SamplingRequest& sampling, const std::stop_token& cancel) {
  if (file.known != nullptr) return;
  // Before anything is read of it, so that a change while it is read shows.
  file.state = cache::file_state(file.path);
  file.known = std::make_shared<const video::VideoInfo>(
      video::probe(file.path, cancel, sampling.stream.value_or(video::kMainStream)));
}

void add_scan(MediaFile& file, EngineState& state, const std::stop_token& cancel) {
  if (file.scan != nullptr) return;
  file.scan =
      std::make_shared<const video::VideoScan>(state.caches.scan_of(file, *file.known, cancel));
}

PlannedMedia plan_request_media(const std::vector<MediaFile>& files,
                                const SamplingRequest& sampling, EngineState& state,
                                const RunHooks& hooks) {
  const MediaSettings& settings = state.model.media_settings();
  PlannedMedia planned;
  planned.kept = state.caches.serve(hooks);
  if (hooks.progress && !files.empty()) hooks.progress({"probing", 0, 0, {}});
  for (MediaFile file : files) {
    planned.asked.push_back(file.sampling.value_or(sampling));
    const SamplingRequest& asked = planned.asked.back();
    if (!file.is_image && file.frames.empty()) {
      add_probe(file, asked, hooks.cancel);
      if (asked.adaptive) add_scan(file, state, hooks.cancel);
    }
    planned.states.push_back(file.state.empty() ? cache::file_state(file.path) : file.state);
    const Media& m = planned.media.emplace_back(
        plan_media(file, sampling, settings, state.model.pool(), hooks.cancel));
    planned.keys.push_back(planned.kept
                               ? slot_keys(m, settings, state.caches.content_of(file, hooks.cancel))
                               : local_slot_keys(m, planned.keys.size()));
  }
  return planned;
}

}  // namespace shijian::engine
