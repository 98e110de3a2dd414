// The vision encoder: patches of images and video slots to features for the decoder.
//
// A slot is one grid of rows x cols patches: an image, or two video frames that became one. Slots
// never see each other, and the features of a slot are the same to the bit whatever it is encoded
// with, so they can be cached.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/cancel.h"
#include "base/threads.h"
#include "checkpoint/config.h"
#include "model/positions.h"
#include "model/stages.h"
#include "model/weights.h"
#include "tensor/tensor.h"

namespace shijian::model {

// Patches of one video (slots = temporal slots) or image (slots = 1); rows and cols in patches.
struct PatchGrid {
  int64_t slots = 1;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t patches() const { return slots * rows * cols; }
};

struct VisionFeatures {
  tensor::Tensor embeddings;              // [merged tokens, out_hidden]
  std::vector<tensor::Tensor> deepstack;  // each [merged tokens, out_hidden]
};

struct EncodeOptions {
  std::stop_token cancel;  // looked at before each batch of slots and between its blocks
  std::function<void(int64_t slots_done, int64_t slots_total)> progress;
  StageRecorder* stages = nullptr;  // records vision.embeddings and vision.deepstack.{k}
};

// One encode() at a time: the pool and the workspace are shared by its parts.
// Config, weights and pool must outlive the encoder.
class VisionEncoder {
 public:
  VisionEncoder(const checkpoint::VisionConfig& config, const VisionWeights& weights,
                ThreadPool& pool);

  // patches: [sum of grids' patches, channels * temporal patch * patch * patch], slot after slot,
  // each in merge-block order. Memory beyond the result is bounded by the largest slot.
  // Throws Error: kInvalid when sizes do not fit, kCancelled, kNoMemory.
  VisionFeatures encode(tensor::ConstMatrix patches, std::span<const PatchGrid> grids,
                        const EncodeOptions& options = {}) const;

  // Numbers in one patch.
  int64_t patch_width() const;
  // Merged tokens of one slot of this grid, on rows and columns.
  MergedGrid merged(const PatchGrid& grid) const;
  // Bytes that encode() needs beside patches and result when the largest slot has this many
  // patches.
  static int64_t workspace_bytes(const checkpoint::VisionConfig& config, int64_t slot_patches);

 private:
  struct Workspace;
  struct SlotTables;

  void check_grids(tensor::ConstMatrix patches, std::span<const PatchGrid> grids) const;
  SlotTables make_tables(const PatchGrid& grid) const;
  void encode_batch(tensor::ConstMatrix patches, const SlotTables& tables, Workspace& work,
                    const std::stop_token& cancel, int64_t first_token,
                    VisionFeatures& features) const;
  void run_block(const VisionBlockWeights& block, const SlotTables& tables, int64_t patches,
                 Workspace& work) const;
  void merge(const MergerWeights& merger, bool join_first, int64_t patches, Workspace& work,
             tensor::Matrix out) const;

  const checkpoint::VisionConfig& config_;
  const VisionWeights& weights_;
  ThreadPool& pool_;
};

}  // namespace shijian::model
