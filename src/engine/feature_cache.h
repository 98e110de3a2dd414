// Vision features on disk, so that no slot is encoded twice.
//
// A chunk is an entry of a DiskStore and holds up to 16 neighbouring slots of a lattice (see
// slot_keys.h), fewer where they take more than 8 MiB: u32 places, tensors, tokens, width; two
// names of 32 digits (zeros: none) for each place, that of the slot and that of a slot that ends a
// window there and repeats its frame; then, for each name, the slot's main embeddings and its
// DeepStack features, F32 as they were computed. Its key names lattice, vision weights and its
// number on the lattice, so that any request on the lattice finds it; a slot counts only when its
// own name is the one wanted. A request that covers part of a chunk adds what it computed to what
// is there.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cache/disk_store.h"
#include "checkpoint/checkpoint.h"
#include "engine/slot_keys.h"
#include "model/vision_encoder.h"

namespace shijian::engine {

// The store and the checkpoint must outlive it. One thread at a time.
class FeatureCache {
 public:
  FeatureCache(cache::DiskStore& store, const checkpoint::Checkpoint& checkpoint);

  // Copies those of the `wanted` slots (ascending) that are known to their rows of `features`,
  // [slots * slot_tokens, width], and returns the others.
  std::vector<int64_t> load(const SlotKeys& keys, std::span<const int64_t> wanted,
                            int64_t slot_tokens, model::VisionFeatures& features);

  // Stores these slots (ascending) from their rows of `features`.
  void store(const SlotKeys& keys, std::span<const int64_t> slots, int64_t slot_tokens,
             const model::VisionFeatures& features);

  // Places in a chunk, a power of two, where a slot's features are so many numbers.
  static int64_t places(int64_t slot_floats);

 private:
  std::string chunk_key(const SlotKeys& keys, int64_t places, int64_t chunk);

  cache::DiskStore& store_;
  const checkpoint::Checkpoint& checkpoint_;
  std::string encoder_;  // names the encoder; made at the first use
};

// Names everything that decides what the vision encoder makes of given pixels: a hash of its
// weights, all of them, its configuration and the version of the arithmetic. The hash is
// remembered in `store` while the checkpoint's files stay as they are.
std::string encoder_identity(const checkpoint::Checkpoint& checkpoint, cache::DiskStore& store);

}  // namespace shijian::engine
