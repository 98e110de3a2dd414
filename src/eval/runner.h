// Asks every question of a data set, keeps each answer on disk, and goes on where it stopped.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "eval/annotations.h"
#include "eval/metrics.h"
#include "grounding/output.h"

namespace shijian::eval {

// Answers the questions of one video, in order; they share its decoding. Whatever it throws but
// kCancelled, kNoMemory and kInternal counts as a failure of these questions, and the run goes on.
using AnswerVideo = std::function<std::vector<grounding::Answer>(
    const std::filesystem::path& video, std::span<const EvalItem* const> items)>;

struct EvalOptions {
  std::filesystem::path videos;  // folder of the video files
  // Answers are appended here, one JSON object a line, as they come; empty: nowhere. When the file
  // exists, its questions are not asked again.
  std::filesystem::path rows;
  // Names model, data set and settings: a rows file of other settings is an Error(kUsage).
  std::string run_name;
  std::stop_token cancel;
  // Questions answered, of all, and seconds this run has taken; called after each video.
  std::function<void(size_t done, size_t total, double seconds)> progress;
};

// One question, its answer and its score.
struct EvalResult {
  EvalItem item;  // its duration filled in from the video where the annotation has none
  std::vector<Span> events;
  std::string response;
  std::string error;  // why there is no answer
  ItemScore score;
};

// Results in the order of `items`. Throws Error: kNotFound when a video is missing (before anything
// is asked), kCancelled, and errors of the rows file. Consecutive questions of one video are asked
// together.
std::vector<EvalResult> run_eval(std::span<const EvalItem> items, const AnswerVideo& answer,
                                 const EvalOptions& options);

ItemScore score_answer(const EvalItem& item, const grounding::Answer& answer);

}  // namespace shijian::eval
