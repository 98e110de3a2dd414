// The facade: one loaded model, from files and questions to answers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/cancel.h"
#include "cache/disk_store.h"
#include "checkpoint/checkpoint.h"
#include "engine/media.h"
#include "engine/request.h"
#include "grounding/prompt.h"

namespace shijian::engine {

// What is kept between calls. Runs that record stages or have overrides never use it.
struct CacheOptions {
  bool enabled = true;
  // Vision features on disk: the folder (default_cache_folder() is the usual one; empty: none) and
  // how much it may hold.
  std::filesystem::path folder;
  int64_t max_bytes = int64_t{4} << 30;
  // Keys and values of prompts in memory; the latest stays however large. Negative: a quarter of
  // the memory that is free when the engine starts.
  int64_t prefix_bytes = -1;
  // In 8 bits: 3.5 times as many prompts, and answers may differ where two words are about alike.
  bool prefix_packed = false;
};

struct EngineOptions {
  std::filesystem::path model;          // a checkpoint directory
  int threads = 0;                      // 0: one for each core
  Reference reference = Reference::k4;  // which version of transformers to follow
  CacheOptions cache = {};
  bool calibrated = true;                // as the model's calibration.json says, where it has one
  grounding::ReadoutHeads readout = {};  // in place of the calibration's, where it has heads
};

// What the caches hold and did.
struct CacheReport {
  cache::DiskCounters disk;
  int64_t prefix_bytes = 0;  // keys and values kept in memory
};

struct EngineState;

// One call at a time; the thread that calls does the work, with the pool's help.
// Throws Error for whatever files and requests cause: see the stages' own headers.
class Engine {
 public:
  explicit Engine(const EngineOptions& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  LocateResult locate(const LocateRequest& request, const RunHooks& hooks = {});
  Description describe(const DescribeRequest& request, const RunHooks& hooks = {});

  const std::string& model_name() const;  // the directory's name
  const checkpoint::Checkpoint& checkpoint() const;
  grounding::PromptStyle default_prompt_style() const;
  bool opens_thinking() const;  // answers begin inside <think>
  // Throws Error(kUsage) when a request asks for a larger context than the model has.
  void check_context(const GenerationRequest& request) const;
  int threads() const;
  // The frames that a run over this video would see, before decoding; from any thread. Throws the
  // errors of plan_media().
  Media plan(const std::filesystem::path& video, const SamplingRequest& sampling,
             const std::stop_token& cancel = {}) const;
  CacheReport cache_report() const;  // from any thread

 private:
  std::unique_ptr<EngineState> state_;
};

}  // namespace shijian::engine
