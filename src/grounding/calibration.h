// From what an event's confidence rests on to how often such events are right.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "grounding/event.h"

namespace shijian::grounding {

// Platt's scaling with several inputs (Platt 1999, "Probabilistic outputs for support vector
// machines"): an event is right with the probability
//     1 / (1 + exp(-(w0 + w1 logit(presence) + w2 logit(times) + w3 ln(windows) + w4 surest
//                    + w5 agreement)))
// of the weights w, where logit(p) = ln(p / (1 - p)), p kept within 0.001 and 0.999, and an unknown
// presence is `times`, an unknown agreement 0. The more windows a video is looked at in, the more
// chances there are to err. The surest event of an answer (surest = 1, else 0) is right more often
// than another of the same evidence: people mostly ask about what happens.
using CalibrationWeights = std::array<double, 6>;

// Attention heads of the decoder whose attention tells where a model looks; none: it is not read.
struct ReadoutHeads {
  struct Head {
    int64_t layer = 0, index = 0;
  };
  std::vector<Head> heads;
  int64_t rows = 1;  // tokens at the end of a prompt whose attention is read
};

struct Calibration {
  CalibrationWeights weights = {0, 1};
  double uncertainty = 1;  // what boundaries' uncertainties are to be multiplied by
  ReadoutHeads readout = {};
};

// One event that was found, and whether that was right.
struct Judged {
  Evidence evidence;
  int windows = 1;
  bool surest = false;
  bool right = false;
};

// The one with evidence whose presence times `times` is the highest, the earliest of several; null
// where none has any.
const Event* surest_event(std::span<const Event> events);

// Within 0 and the evidence's trust.
double calibrated_confidence(const Calibration& calibration, const Evidence& evidence, int windows,
                             bool surest);

// The likeliest weights under a normal prior of variance 100, which keeps them finite, found by
// Newton's method. The default where all events are alike right or wrong, or there are none.
CalibrationWeights fit_weights(std::span<const Judged> events);

}  // namespace shijian::grounding
