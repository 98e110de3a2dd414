#include "engine/caches.h"

#include <fmt/format.h>

#include <span>

#include "base/hash.h"
#include "base/json.h"
#include "model/memory.h"
#include "video/pixel_version.h"

namespace shijian::engine {
namespace {

// Raise it with every change of what a scan says.
constexpr int kScanVersion = 1;
constexpr size_t kMaxScanBytes = size_t{1} << 30;

std::string write_scan(const video::VideoScan& scan) {
  return write_json({{"activity", scan.activity}, {"cuts", scan.cuts}});
}

// The store has checked that the bytes are those that were written.
video::VideoScan read_scan(const std::string& bytes) {
  const Json json = parse_json(bytes, "the cache"_text);
  video::VideoScan scan;
  json.at("activity").get_to(scan.activity);
  json.at("cuts").get_to(scan.cuts);
  return scan;
}

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

video::VideoScan EngineCaches::scan_of(const MediaFile& file, const video::VideoInfo& info,
                                       const std::stop_token& cancel) {
  if (!enabled_ || !on_disk_) return video::scan(file.path, info, cancel);
  const std::string name =
      fmt::format("scan {} {} stream {} {}", kScanVersion, content_of(file, cancel), info.stream,
                  video::pixel_version());
  const std::string key = content_hash(std::as_bytes(std::span(name)));
  if (const auto kept = store_.get(key, kMaxScanBytes)) return read_scan(*kept);
  video::VideoScan scan = video::scan(file.path, info, cancel);
  store_.put(key, write_scan(scan));
  return scan;
}

CacheReport EngineCaches::report() const { return {store_.counters(), prefixes_.bytes()}; }

}  // namespace shijian::engine
