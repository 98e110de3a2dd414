// What can be scored without looking: how much of a result is the data set's doing.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "eval/annotations.h"
#include "eval/metrics.h"
#include "grounding/slot_stamps.h"

namespace shijian::eval {

// One answer given to every question.
struct ConstantAnswer {
  double start = 0, end = 0;  // fractions of the clip, or seconds
  Recalls r1 = {};
  double miou = 0;
};

// The interval that scores the highest R1@0.5 on the very questions it is scored on (ties: mIoU),
// among a grid of 2% steps of the duration, or of at most 120 steps of whole tenths of a second.
// Questions whose event does not occur, or whose duration is unknown, are left out.
ConstantAnswer best_constant_fraction(std::span<const EvalItem> items);
ConstantAnswer best_constant_seconds(std::span<const EvalItem> items);

// A reader of questions that never sees a video: for each kind and language the constant fraction
// that is best on every other video, scored on the remaining ones, and the other way round. (Fitted
// to the very questions it is scored on, so many constants would say more of chance than of what
// questions give away.) Its start and end are 0: it has no single interval.
ConstantAnswer question_only(std::span<const EvalItem> items);

// The IoU that an answer can reach whose two times are among the stamps of `slots`, as they are or,
// where `covered`, as the time that the slots stand for (slot_stamps.h): the best pair for the best
// of `truth`. 0 without slots.
double sampling_ceiling(const grounding::SlotStamps& slots, bool covered,
                        std::span<const Span> truth);

}  // namespace shijian::eval
