// Scores of temporal grounding. docs/formats.md defines each in words.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "eval/annotations.h"
#include "grounding/event.h"

namespace shijian::eval {

inline constexpr std::array<double, 4> kRecallThresholds = {0.3, 0.5, 0.7, 0.9};
using Recalls = std::array<double, kRecallThresholds.size()>;  // shares of questions
inline constexpr size_t kMainRecall = 1;  // of kRecallThresholds: an answer is right from there on

// Length of the intersection over length of the union of two intervals; two equal moments give 1.
double interval_iou(const Span& a, const Span& b);

// The same for two sets of intervals, each taken as the union of its members. 0 when either is
// empty.
double set_iou(std::span<const Span> a, std::span<const Span> b);

// The best IoU of `prediction` with any of `truth`.
double best_iou(const Span& prediction, std::span<const Span> truth);

// Average precision of ranked `predictions` (best first) at one IoU threshold: each truth is
// matched at most once, precision is made monotone and integrated over recall.
double average_precision(std::span<const Span> predictions, std::span<const Span> truth,
                         double threshold);

// Mean of average_precision over IoU 0.50, 0.55, ... 0.95.
double mean_average_precision(std::span<const Span> predictions, std::span<const Span> truth);

// Mean over IoU 0.1, 0.3, 0.5, 0.7 of the F1 score, 2 hits / (predictions + true spans), where each
// true span is matched at most once (Liu et al. 2024, "E.T. Bench"). 1 where both are empty.
double event_f1(std::span<const Span> predictions, std::span<const Span> truth);

// How far a boundary was from the true one.
struct BoundaryError {
  double seconds = 0;       // absolute
  double uncertainty = -1;  // what the answer said of it; negative: nothing
  bool covered() const { return seconds <= uncertainty; }
};

// Both boundaries of an event, against the true span that it overlaps most; none where it overlaps
// none.
std::vector<BoundaryError> boundary_errors(const grounding::Event& event,
                                           std::span<const Span> truth);

// The smallest of `values`, which are put into another order, that a share of `q` of them does not
// exceed; 0 when there is none.
double quantile(std::vector<double>& values, double q);

// What one question scored.
struct ItemScore {
  bool occurs = true;     // the truth has spans
  bool rejected = false;  // the model says that it does not occur
  bool unparsed = false;
  bool failed = false;   // no answer: the video could not be read
  bool several = false;  // true spans
  double iou = 0;        // of the surest predicted event, see best_iou
  double set_iou = 0;
  double map = 0;
  double f1 = 0;           // see event_f1
  double ceiling = 0;      // the IoU that the sampled times allow; 0 when unknown
  double confidence = -1;  // of the surest predicted event; negative: none was given
  // Of the surest predicted event, against the true span that it overlaps most; none where it
  // overlaps none.
  std::vector<BoundaryError> boundaries;
  double vision_tokens = 0;
  double first_tokens = 0;  // of these, those of the first looks
  double seconds = 0;
};

// Means over questions. All shares are fractions; those over nothing are 0 and their count says so.
struct Summary {
  size_t questions = 0;
  size_t occurring = 0;  // questions whose event occurs: r1, miou, set_iou and map are over these
  size_t absent = 0;     // questions whose event does not: absent_rejected is over these
  Recalls r1 = {};       // at kRecallThresholds
  double miou = 0;
  double set_iou = 0;
  double map = 0;
  size_t several = 0;     // questions whose event occurs more than once
  double several_f1 = 0;  // over these
  double absent_rejected = 0;
  double occurring_rejected = 0;  // wrongly: over the occurring
  double unparsed = 0;            // over all
  double failed = 0;              // over all
  double seconds_per_question = 0;
  Recalls ceiling_r1 = {};
  double ceiling_miou = 0;
  size_t boundaries = 0;       // the next three are over these
  double boundary_median = 0;  // seconds
  double boundary_p90 = 0;
  double coverage = 0;  // share of boundaries that lie within the uncertainty that was said
  double calibration_error = 0;  // see expected_calibration_error
  double vision_tokens = 0;      // of a question
  double first_tokens = 0;       // of these, those of the first looks
};

// Over predictions with a confidence, in ten bins of equal width: the mean, weighted by count, of
// how far the mean confidence of a bin is from the share of its predictions that are right (IoU of
// at least 0.5 with a true span). Guo et al. 2017, "On Calibration of Modern Neural Networks".
double expected_calibration_error(std::span<const ItemScore> scores);

Summary summarize(std::span<const ItemScore> scores);

}  // namespace shijian::eval
