#include "engine/planned_media.h"

#include "cache/content_hashes.h"

namespace shijian::engine {

PlannedMedia plan_request_media(const std::vector<MediaFile>& files,
                                const SamplingRequest& sampling, EngineState& state,
                                const RunHooks& hooks) {
  const MediaSettings& settings = state.model.media_settings();
  PlannedMedia planned;
  planned.kept = state.caches.serve(hooks);
  if (hooks.progress && !files.empty()) hooks.progress({"probing", 0, 0, {}});
  for (const MediaFile& file : files) {
    // Before anything is read of it, so that a change while it is read shows.
    planned.states.push_back(cache::file_state(file.path));
    planned.asked.push_back(file.sampling.value_or(sampling));
    const Media& m = planned.media.emplace_back(
        plan_media(file, sampling, settings, state.model.pool(), hooks.cancel));
    planned.keys.push_back(planned.kept
                               ? slot_keys(m, settings, state.caches.content_of(file, hooks.cancel))
                               : local_slot_keys(m, planned.keys.size()));
  }
  return planned;
}

}  // namespace shijian::engine
