#include "engine/caches.h"

#include <span>

#include "base/hash.h"
#include "model/memory.h"

namespace shijian::engine {
namespace {

PrefixCacheOptions prefix_options(const CacheOptions& options) {
  return {options.prefix_bytes < 0 ? model::available_memory() / 4 : options.prefix_bytes,
          options.prefix_packed};
}

}  // namespace

EngineCaches::EngineCaches(const CacheOptions& options, const checkpoint::Checkpoint& checkpoint,
                           model::Decoder& decoder, ThreadPool& pool)
    : enabled_(options.enabled),
      on_disk_(!options.folder.empty()),
      store_({options.folder, options.max_bytes}),
      features_(store_, checkpoint),
      prefixes_(decoder, pool, prefix_options(options)) {}

bool EngineCaches::serve(const RunHooks& hooks) const {
  return enabled_ && hooks.stages == nullptr && hooks.overrides == nullptr;
}

std::string EngineCaches::content_of(const MediaFile& file, const std::stop_token& cancel) {
  if (!file.content.empty()) return file.content;
  if (file.frames.empty()) return hashes_.of(file.path, cancel);
  std::string all;
  for (const GivenFrame& frame : file.frames) all += hashes_.of(frame.picture, cancel) + " ";
  return content_hash(std::as_bytes(std::span(all)));
}

CacheReport EngineCaches::report() const { return {store_.counters(), prefixes_.bytes()}; }

}  // namespace shijian::engine
