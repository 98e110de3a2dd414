#include "eval/calibrate.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "base/error.h"
#include "eval/metrics.h"

namespace shijian::eval {
namespace {

constexpr size_t kLeast = 50;  // of events and of boundaries
constexpr double kCovered = 0.9;

}  // namespace

void Calibrator::add(const EvalItem& item, const grounding::Answer& answer) {
  std::vector<grounding::Event> found = answer.events;
  found.insert(found.end(), answer.rejected.begin(), answer.rejected.end());
  const grounding::Event* surest = grounding::surest_event(found);
  for (const grounding::Event& event : found) {
    if (!event.evidence) continue;
    const double iou = best_iou({event.start, event.end}, item.spans);
    events_.push_back({*event.evidence, answer.sampling.windows, &event == surest,
                       iou >= kRecallThresholds[kMainRecall]});
  }
  for (const grounding::Event& event : answer.events) {
    for (const BoundaryError& boundary : boundary_errors(event, item.spans)) {
      if (boundary.uncertainty > 0) ratios_.push_back(boundary.seconds / boundary.uncertainty);
    }
  }
}

grounding::Calibration Calibrator::fit() const {
  if (events_.size() < kLeast || ratios_.size() < kLeast) {
    throw Error(ErrorCode::kUsage,
                "calibrate: {} events were found, with {} boundaries to compare"_text(
                    events_.size(), ratios_.size()),
                "give annotations in which at least 50 are found"_text);
  }
  grounding::Calibration calibration;
  calibration.weights = grounding::fit_weights(events_);
  std::vector<double> ratios = ratios_;
  calibration.uncertainty = quantile(ratios, kCovered);
  return calibration;
}

CalibrationData Calibrator::data() const {
  const auto right = std::count_if(events_.begin(), events_.end(),
                                   [](const grounding::Judged& event) { return event.right; });
  return {events_.size(), static_cast<size_t>(right), ratios_.size()};
}

}  // namespace shijian::eval
