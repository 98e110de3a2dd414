// What is asked of an engine, and what it answers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "engine/media.h"
#include "grounding/output.h"
#include "grounding/prompt.h"
#include "guided/answer_form.h"
#include "localise/attention_curve.h"
#include "model/readout.h"
#include "model/stages.h"
#include "tensor/tensor.h"
#include "text/chat_template.h"

namespace shijian::engine {

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
// Where a video is looked at in windows, "searching" stands for all but the first; where parts are
// looked at again, "verifying" and "zooming" follow.
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

// What the heads of the decoder attend to, at the end of a prompt with a question and of one
// without.
struct HeadsAttention {
  size_t question = 0;  // its place in the request
  double from = 0, to = 0;
  std::vector<double> slot_times;  // [slots], seconds on the timeline
  std::vector<model::Head> heads;
  std::vector<localise::SlotAttention> with, without;  // [heads][slots]
};

struct RunHooks {
  std::stop_token cancel;
  std::function<void(const Progress&)> progress;  // called on the caller's thread
  // Called there with each generated token and the whole characters that it completes; false ends
  // the answer after it. Not with those of windows and of looks at boundaries.
  std::function<bool(const grounding::GeneratedToken&, std::string_view text)> token;
  // Called with what each head of the decoder attends to, slot by slot, for each question of a look
  // at a part from..to of the video: to choose the heads to read (shijian calibrate).
  std::function<void(const HeadsAttention&)> attention;
  model::StageRecorder* stages = nullptr;  // records every stage of the run (--dump)
  const Overrides* overrides = nullptr;
};

// How much work an answer is worth.
enum class Effort {
  kLow,     // one look at the video
  kNormal,  // boundaries are looked at again, more closely, and so is what was found in windows
  kHigh,    // everything that was found is looked at again, twice
};
std::optional<Effort> parse_effort(std::string_view name);  // "low", "normal", "high"

// What a search through a long video may cost, at most; absent: whatever close looks everywhere do.
struct Budget {
  std::optional<int64_t> tokens;  // of vision
  std::optional<double> seconds;  // worked out from what the first window took
};

struct LocateRequest {
  std::filesystem::path video;
  std::string content;                 // the video's content_hash() where the caller knows it
  std::vector<std::string> questions;  // they share decoding, vision encoding and prefix
  SamplingRequest sampling;
  std::optional<grounding::PromptStyle> prompt_style;  // absent: the checkpoint's
  GenerationRequest generation;
  Effort effort = Effort::kLow;
  bool why = false;        // a reason is wanted, see explain.h
  bool free_text = false;  // answers need not have the form that the prompt asks for
  Budget budget;           // of a look at a video that is longer than the model is good for
  double precision = 0.1;  // seconds: how well boundaries shall be known, with more than low effort
  bool keep_frames =
      false;  // the result shall have the frames, which are decoded for that if need be
};

struct LocateResult {
  std::vector<grounding::Answer> answers;  // [questions]
  Media media;  // without patches, and without frames unless they were asked for
};

// A chat over any number of videos and images, up to the model's next answer.
struct DescribeRequest {
  std::vector<MediaFile> media;
  std::vector<text::Message> messages;  // each of `media` is named by exactly one part of them
  std::vector<std::string> tools;       // JSON of each function that the model may call
  SamplingRequest sampling;
  GenerationRequest generation;
  std::shared_ptr<const guided::AnswerForm> format;  // of the answer, thoughts apart; null: any
};

struct Description {
  std::string response;
  std::string reasoning;                          // of thinking models
  std::vector<Media> media;                       // without patches and frames
  std::vector<grounding::GeneratedToken> tokens;  // when log-probabilities were asked for
  std::string finish_reason;                      // "stop" or "length"
  Language language = Language::kEnglish;         // of the last turn: notes follow it
  std::vector<grounding::Note> notes;             // what should be known of the files
  grounding::Usage usage;
  grounding::Reuse reuse;
  grounding::Timing timing;
};

}  // namespace shijian::engine
