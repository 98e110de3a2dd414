// Learns from annotated videos how far a model's answers can be trusted.
#pragma once

#include <vector>

#include "eval/annotations.h"
#include "grounding/calibration.h"
#include "grounding/output.h"

namespace shijian::eval {

// What a calibration was learnt from.
struct CalibrationData {
  size_t events = 0;      // found, right or wrong, believed or rejected
  size_t right = 0;       // of these: an IoU of at least 0.5 with a true span
  size_t boundaries = 0;  // of events that overlap a true span, with an uncertainty
};

// Collects answers that no calibration has touched.
class Calibrator {
 public:
  void add(const EvalItem& item, const grounding::Answer& answer);

  // The confidences' weights, and the factor with which nine of ten boundaries lie within their
  // uncertainty. Error(kUsage) where fewer than 50 events or 50 boundaries were seen.
  grounding::Calibration fit() const;
  CalibrationData data() const;

 private:
  std::vector<grounding::Judged> events_;
  std::vector<double> ratios_;  // of the boundaries: error / uncertainty
};

}  // namespace shijian::eval
