// The facade: one loaded model, from files and questions to answers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "cache/disk_store.h"
#include "engine/media.h"
#include "grounding/output.h"
#include "grounding/prompt.h"
#include "guided/answer_form.h"
#include "model/generate.h"
#include "model/stages.h"
#include "text/chat_template.h"

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
};

// Overrides of sampling and penalties; what is absent comes from the task (locate is greedy) or
// from generation_config.json (describe).
struct GenerationRequest {
  std::optional<int64_t> max_new_tokens;
  std::optional<double> temperature;  // 0 is greedy
  std::optional<int64_t> top_k;
  std::optional<double> top_p;
  std::optional<double> repetition_penalty;
  std::optional<double> presence_penalty;
  uint64_t seed = 0;
  int logprobs = 0;          // record the likeliest N of each generated token
  bool ignore_stop = false;  // go on to max_new_tokens whatever comes: for measurements
  // Tokens of prompt and answer together, at most the model's, which it is when absent;
  // Error(kUsage) beyond.
  std::optional<int64_t> max_context;
};

// How far a run is. Stages, in order: "probing", "decoding", "encoding", "reading", "answering".
struct Progress {
  std::string_view stage;
  int64_t done = 0;
  int64_t total = 0;      // 0: unknown
  std::string_view text;  // "answering": the piece of text that just came, whole characters
};

// Frames or pixels that stand in for what decoding would give, so that a comparison with another
// implementation starts from identical values. Keyed by the media's place in the request.
struct Overrides {
  std::map<size_t, const tensor::Tensor*> frames;  // U8 [n, height, width, 3], n as the plan has
  std::map<size_t, const tensor::Tensor*> pixels;  // F32 [patches, patch values]
};

struct RunHooks {
  CancelToken cancel;
  std::function<void(const Progress&)> progress;  // called on the caller's thread
  // Called there with each generated token and the whole characters that it completes; false ends
  // the answer after it.
  std::function<bool(const grounding::GeneratedToken&, std::string_view text)> token;
  model::StageRecorder* stages = nullptr;  // records every stage of the run (--dump)
  const Overrides* overrides = nullptr;
};

struct LocateRequest {
  std::filesystem::path video;
  std::string content;                 // the video's content_hash() where the caller knows it
  std::vector<std::string> questions;  // they share decoding, vision encoding and prefix
  SamplingRequest sampling;
  std::optional<grounding::PromptStyle> prompt_style;  // absent: the checkpoint's
  GenerationRequest generation;
  bool keep_frames =
      false;  // the result shall have the frames, which are decoded for that if need be
};

struct LocateResult {
  std::vector<grounding::Answer> answers;  // [questions]
  Media media;                  // without patches, and without frames unless they were asked for
};

// A chat over any number of videos and images, up to the model's next answer.
struct DescribeRequest {
  std::vector<MediaFile> media;
  std::vector<text::Message> messages;   // each of `media` is named by exactly one part of them
  std::vector<std::string> tools;  // JSON of each function that the model may call
  SamplingRequest sampling;
  GenerationRequest generation;
  std::shared_ptr<const guided::AnswerForm> format;  // of the answer, thoughts apart; null: any
};

struct Description {
  std::string response;
  std::string reasoning;                   // of thinking models
  std::vector<Media> media;                // without patches and frames
  std::vector<grounding::GeneratedToken> tokens;      // when log-probabilities were asked for
  std::string finish_reason;               // "stop" or "length"
  grounding::Language language = grounding::Language::kEnglish;  // of the last turn: notes follow it
  std::vector<grounding::Note> notes;                 // what should be known of the files
  grounding::Usage usage;
  grounding::Reuse reuse;
  grounding::Timing timing;
};

// What the caches hold and did.
struct CacheReport {
  cache::DiskCounters disk;
  int64_t prefix_bytes = 0;  // keys and values kept in memory
};

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
             const CancelToken& cancel = {}) const;
  CacheReport cache_report() const;  // from any thread

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace shijian::engine
