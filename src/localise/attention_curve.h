// From what a question attends to, slot by slot, to where the model looks (the idea of
// arXiv 2605.21954).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "grounding/slot_stamps.h"

namespace shijian::localise {

using SlotAttention = std::vector<double>;  // [slots], the share of each slot

// The mean over heads of how many times as much attention each slot gets as without a question:
// attention / (without + a tenth of the mean of without). Both [heads][slots] of one size.
std::vector<double> attention_curve(std::span<const SlotAttention> attention,
                                    std::span<const SlotAttention> without);

struct SlotRange {
  size_t first = 0, last = 0;
};

// The shortest range of slots with half of the curve's sum, the earliest of several. `curve` has a
// slot, and nothing negative.
SlotRange shortest_half(std::span<const double> curve);

// How well the time of these slots agrees with start..end, seconds on the timeline of `slots`:
// intersection over union.
double agreement(std::span<const double> curve, const grounding::SlotStamps& slots, double start,
                 double end);

}  // namespace shijian::localise
