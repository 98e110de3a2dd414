// What an engine keeps between calls: vision features on disk, keys and values of prompts in
// memory, and the hashes of files that both are named by.
#pragma once

#include <string>

#include "base/cancel.h"
#include "base/threads.h"
#include "cache/content_hashes.h"
#include "cache/disk_store.h"
#include "checkpoint/checkpoint.h"
#include "engine/engine.h"
#include "engine/feature_cache.h"
#include "engine/prefix_cache.h"
#include "model/decoder.h"
#include "video/scan.h"

namespace shijian::engine {

// One thread at a time, but for report().
class EngineCaches {
 public:
  // Checkpoint, decoder and pool must outlive it.
  EngineCaches(const CacheOptions& options, const checkpoint::Checkpoint& checkpoint,
               model::Decoder& decoder, ThreadPool& pool);

  // Whether what this run computes may be kept, and what is kept may be used: not when caches are
  // off, nor when the run records stages or has overrides.
  bool serve(const RunHooks& hooks) const;
  // The content_hash() of the file or of all the pictures that a video comes as, unless the caller
  // gave it. Throws the errors of ContentHashes::of.
  std::string content_of(const MediaFile& file, const std::stop_token& cancel);
  // What video::scan() says of the file. Throws its errors and those of content_of().
  video::VideoScan scan_of(const MediaFile& file, const video::VideoInfo& info,
                           const std::stop_token& cancel);
  FeatureCache* features() { return on_disk_ ? &features_ : nullptr; }  // null: there is no folder
  PrefixCache& prefixes() { return prefixes_; }
  CacheReport report() const;  // from any thread

 private:
  const bool enabled_;
  const bool on_disk_;
  cache::ContentHashes hashes_;
  cache::DiskStore store_;
  FeatureCache features_;
  PrefixCache prefixes_;
};

}  // namespace shijian::engine
