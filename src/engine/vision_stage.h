// From planned media to vision features: what is known comes from the cache, the rest is decoded,
// encoded and stored. Slots of one name are encoded once.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/feature_cache.h"
#include "engine/media.h"
#include "engine/request.h"
#include "engine/slot_keys.h"
#include "model/vision_encoder.h"

namespace shijian::engine {

struct VisionJob {
  Media& media;      // an image's patches are released, and frames unless they are all wanted
  size_t index = 0;  // among the request's media
  const SlotKeys& keys;
  std::vector<int64_t> slots;     // whose features are wanted, ascending
  bool all_frames = false;        // decode all frames and keep them
  FeatureCache* cache = nullptr;  // null: none
  std::string state = {};         // of the file when the keys were made; empty: does not matter
};

struct VisionOutcome {
  model::VisionFeatures features;  // [all slots * tokens, width], rows of unwanted slots undefined;
                                   // no tensors when no slot was wanted
  int64_t encoded = 0;             // slots that the encoder ran over
  // Features match their keys. False when the file changed during the run or neighbours replaced
  // damaged pictures; nothing was stored then.
  bool features_valid = true;
};

// Keeps references to everything it is given. One run() at a time.
class VisionStage {
 public:
  VisionStage(const checkpoint::VisionConfig& config, const model::VisionEncoder& encoder,
              const MediaSettings& settings, ThreadPool& pool);

  // Slots whose patches are in memory at a time.
  static int64_t piece_slots(const checkpoint::VisionConfig& config, int64_t slot_patches);

  // Adds to timing.decode and timing.vision. Throws the errors of load_slots and
  // VisionEncoder::encode; the slots that were encoded before are then stored.
  VisionOutcome run(const VisionJob& job, const RunHooks& hooks, grounding::Timing& timing) const;

 private:
  void load(const VisionJob& job, std::span<const int64_t> slots, const RunHooks& hooks) const;
  void encode(const VisionJob& job, std::span<const int64_t> missing, const RunHooks& hooks,
              VisionOutcome& outcome) const;
  // Features of `slots` of the slots that were loaded, from the first'th of them on.
  model::VisionFeatures encode_piece(const VisionJob& job, int64_t first, int64_t slots,
                                     const RunHooks& hooks,
                                     const model::EncodeOptions& options) const;
  int64_t slot_tokens(const Media& media) const;

  const checkpoint::VisionConfig& config_;
  const model::VisionEncoder& encoder_;
  const MediaSettings& settings_;
  ThreadPool& pool_;
};

}  // namespace shijian::engine
