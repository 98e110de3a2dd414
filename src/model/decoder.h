// The language model: tokens and visual features in, logits out.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/cancel.h"
#include "base/threads.h"
#include "checkpoint/config.h"
#include "model/kv_cache.h"
#include "model/positions.h"
#include "model/readout.h"
#include "model/rope.h"
#include "model/stages.h"
#include "model/vision_encoder.h"
#include "model/weights.h"
#include "tensor/tensor.h"

namespace shijian::model {

// Feature rows that take the place of the embeddings of some tokens.
struct VisualRows {
  int64_t first = 0;  // index of the first token they replace
  int64_t count = 0;
  const VisionFeatures* features = nullptr;
  int64_t feature_row = 0;  // the first row taken
};

// n tokens that follow what the cache holds.
struct DecoderInput {
  std::span<const int32_t> tokens;     // [n]
  const PositionIds& positions;        // of these n tokens
  std::span<const VisualRows> visual;  // ascending, without overlap
};

enum class LogitRows { kNone, kLast, kAll };

struct ForwardOptions {
  LogitRows logits = LogitRows::kLast;
  int64_t chunk = 512;     // tokens computed together; changes no bit of the result
  std::stop_token cancel;  // looked at before each layer
  std::function<void(int64_t tokens_done, int64_t tokens_total)> progress;  // after each chunk
  StageRecorder* stages = nullptr;
  Readout* readout = nullptr;  // heads outside the model are a bug
};

// One forward() at a time. Config, weights and pool must outlive the decoder.
class Decoder {
 public:
  Decoder(const checkpoint::TextConfig& config, const TextWeights& weights, ThreadPool& pool);
  ~Decoder();

  // Appends the tokens to the cache and returns the logits asked for, [0, 1 or n, vocab], valid
  // until the next call. Cancelled between chunks, the cache holds the chunks that are done.
  // Throws Error: kInvalid for a token outside the vocabulary or visual rows that do not fit,
  // kUsage when the cache is too small, kCancelled, kNoMemory.
  tensor::ConstMatrix forward(const DecoderInput& input, KvCache& cache,
                              const ForwardOptions& options = {});

  // A cache for `capacity` tokens of this model.
  KvCache make_cache(int64_t capacity) const;
  const checkpoint::TextConfig& config() const { return config_; }
  // Bytes that forward() needs beside the cache.
  static int64_t workspace_bytes(const checkpoint::TextConfig& config, int64_t chunk);

 private:
  struct Workspace;

  void check_input(const DecoderInput& input, const KvCache& cache) const;
  void embed(const DecoderInput& input, int64_t first, tensor::Matrix x) const;
  void run_chunk(const DecoderInput& input, int64_t first, int64_t rows, KvCache& cache,
                 const ForwardOptions& options);
  // What the last `read` rows of x attend to is added to `readout`.
  void attend(const DecoderLayerWeights& layer, int64_t index, tensor::Matrix x, KvCache& cache,
              Readout* readout, int64_t read);
  void run_mlp(const DecoderLayerWeights& layer, tensor::Matrix x);
  void add_deepstack(const DecoderInput& input, int64_t first, size_t index,
                     tensor::Matrix x) const;
  // The logits of rows of x, into rows of the workspace's logits.
  void head(tensor::ConstMatrix x, tensor::Matrix logits);

  const checkpoint::TextConfig& config_;
  const TextWeights& weights_;
  ThreadPool& pool_;
  TextRope rope_;
  std::unique_ptr<Workspace> work_;
  tensor::Tensor logits_;  // [rows, vocab]
};

}  // namespace shijian::model
