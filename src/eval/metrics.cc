#include "eval/metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

namespace shijian::eval {

namespace {

// Disjoint intervals in order that cover the same points.
std::vector<Span> united(std::span<const Span> spans) {
  std::vector<Span> sorted(spans.begin(), spans.end());
  std::sort(sorted.begin(), sorted.end(), [](const Span& a, const Span& b) {
    return std::tie(a.start, a.end) < std::tie(b.start, b.end);
  });
  std::vector<Span> out;
  for (const Span& span : sorted) {
    if (!out.empty() && span.start <= out.back().end) {
      out.back().end = std::max(out.back().end, span.end);
    } else {
      out.push_back(span);
    }
  }
  return out;
}

// Which of the predictions match a true span: each in turn takes the one that it overlaps most of
// those that are left, with an IoU of at least `threshold`.
std::vector<bool> match(std::span<const Span> predictions, std::span<const Span> truth,
                        double threshold) {
  std::vector<bool> hits, taken(truth.size(), false);
  for (const Span& prediction : predictions) {
    double best = -1;
    size_t at = 0;
    for (size_t j = 0; j < truth.size(); ++j) {
      const double iou = taken[j] ? -1 : interval_iou(prediction, truth[j]);
      if (iou > best) {
        best = iou;
        at = j;
      }
    }
    hits.push_back(best >= threshold);
    if (hits.back()) taken[at] = true;
  }
  return hits;
}

double length(std::span<const Span> spans) {
  double total = 0;
  for (const Span& span : spans) total += span.end - span.start;
  return total;
}

}  // namespace

double interval_iou(const Span& a, const Span& b) {
  const double common = std::min(a.end, b.end) - std::max(a.start, b.start);
  const double all = (a.end - a.start) + (b.end - b.start) - std::max(common, 0.0);
  if (all <= 0) return a.start == b.start ? 1 : 0;  // two moments
  return std::max(common, 0.0) / all;
}

double set_iou(std::span<const Span> a, std::span<const Span> b) {
  if (a.empty() || b.empty()) return 0;
  const std::vector<Span> left = united(a), right = united(b);
  double common = 0;
  for (size_t i = 0, j = 0; i < left.size() && j < right.size();) {
    common += std::max(
        0.0, std::min(left[i].end, right[j].end) - std::max(left[i].start, right[j].start));
    (left[i].end < right[j].end ? i : j) += 1;
  }
  const double all = length(left) + length(right) - common;
  if (all <= 0) {
    const bool same = left.size() == right.size() &&
                      std::equal(left.begin(), left.end(), right.begin(),
                                 [](const Span& x, const Span& y) { return x.start == y.start; });
    return same ? 1 : 0;
  }
  return common / all;
}

double best_iou(const Span& prediction, std::span<const Span> truth) {
  double best = 0;
  for (const Span& span : truth) best = std::max(best, interval_iou(prediction, span));
  return best;
}

double average_precision(std::span<const Span> predictions, std::span<const Span> truth,
                         double threshold) {
  if (predictions.empty() || truth.empty()) return 0;
  std::vector<double> precision, recall;
  size_t hits = 0;
  for (const bool hit : match(predictions, truth, threshold)) {
    hits += hit;
    precision.push_back(static_cast<double>(hits) / static_cast<double>(precision.size() + 1));
    recall.push_back(static_cast<double>(hits) / static_cast<double>(truth.size()));
  }
  for (size_t i = precision.size() - 1; i-- > 0;) {
    precision[i] = std::max(precision[i], precision[i + 1]);
  }
  double area = 0, before = 0;
  for (size_t i = 0; i < precision.size(); ++i) {
    area += (recall[i] - before) * precision[i];
    before = recall[i];
  }
  return area;
}

double mean_average_precision(std::span<const Span> predictions, std::span<const Span> truth) {
  double sum = 0;
  for (int percent = 50; percent < 100; percent += 5) {
    sum += average_precision(predictions, truth, percent / 100.0);
  }
  return sum / 10;
}

double quantile(std::vector<double>& values, double q) {
  if (values.empty()) return 0;
  const auto rank = static_cast<std::ptrdiff_t>(std::ceil(q * static_cast<double>(values.size())));
  const auto at = values.begin() + std::max<std::ptrdiff_t>(rank - 1, 0);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

std::vector<BoundaryError> boundary_errors(const grounding::Event& event,
                                           std::span<const Span> truth) {
  const Span found{event.start, event.end};
  if (!(best_iou(found, truth) > 0)) return {};
  const Span& nearest =
      *std::max_element(truth.begin(), truth.end(), [&](const Span& a, const Span& b) {
        return interval_iou(found, a) < interval_iou(found, b);
      });
  return {{std::abs(event.start - nearest.start), event.start_uncertainty.value_or(-1)},
          {std::abs(event.end - nearest.end), event.end_uncertainty.value_or(-1)}};
}

double event_f1(std::span<const Span> predictions, std::span<const Span> truth) {
  constexpr std::array<double, 4> kThresholds = {0.1, 0.3, 0.5, 0.7};
  const auto all = static_cast<double>(predictions.size() + truth.size());
  if (all == 0) return 1;
  double sum = 0;
  for (const double threshold : kThresholds) {
    const std::vector<bool> hits = match(predictions, truth, threshold);
    sum += 2 * static_cast<double>(std::count(hits.begin(), hits.end(), true)) / all;
  }
  return sum / kThresholds.size();
}

double expected_calibration_error(std::span<const ItemScore> scores) {
  constexpr size_t kBins = 10;
  struct Bin {
    double confidence = 0;
    double right = 0;
  };
  std::array<Bin, kBins> bins;
  double count = 0;
  for (const ItemScore& score : scores) {
    if (score.confidence < 0) continue;
    const auto bin = static_cast<size_t>(std::clamp(score.confidence, 0.0, 1.0) * kBins);
    bins[std::min(bin, kBins - 1)].confidence += score.confidence;
    bins[std::min(bin, kBins - 1)].right += score.iou >= kRecallThresholds[kMainRecall];
    ++count;
  }
  double error = 0;
  for (const Bin& bin : bins) error += std::abs(bin.confidence - bin.right);
  return count > 0 ? error / count : 0;
}

Summary summarize(std::span<const ItemScore> scores) {
  Summary sum;
  std::vector<double> errors;
  double rejected = 0, wrongly = 0;
  for (const ItemScore& score : scores) {
    ++sum.questions;
    sum.unparsed += score.unparsed;
    sum.failed += score.failed;
    sum.seconds_per_question += score.seconds;
    sum.vision_tokens += score.vision_tokens;
    sum.first_tokens += score.first_tokens;
    if (!score.occurs) {
      ++sum.absent;
      rejected += score.rejected;
      continue;
    }
    ++sum.occurring;
    if (score.several) {
      ++sum.several;
      sum.several_f1 += score.f1;
    }
    wrongly += score.rejected;
    for (size_t i = 0; i < kRecallThresholds.size(); ++i) {
      sum.r1[i] += score.iou >= kRecallThresholds[i];
      sum.ceiling_r1[i] += score.ceiling >= kRecallThresholds[i];
    }
    sum.miou += score.iou;
    sum.set_iou += score.set_iou;
    sum.map += score.map;
    sum.ceiling_miou += score.ceiling;
    for (const BoundaryError& boundary : score.boundaries) {
      errors.push_back(boundary.seconds);
      sum.coverage += boundary.covered();
    }
  }
  const auto share = [](double total, size_t count) {
    return count > 0 ? total / static_cast<double>(count) : 0.0;
  };
  for (size_t i = 0; i < kRecallThresholds.size(); ++i) {
    sum.r1[i] = share(sum.r1[i], sum.occurring);
    sum.ceiling_r1[i] = share(sum.ceiling_r1[i], sum.occurring);
  }
  for (double* mean : {&sum.miou, &sum.set_iou, &sum.map, &sum.ceiling_miou}) {
    *mean = share(*mean, sum.occurring);
  }
  sum.several_f1 = share(sum.several_f1, sum.several);
  sum.absent_rejected = share(rejected, sum.absent);
  sum.occurring_rejected = share(wrongly, sum.occurring);
  for (double* mean : {&sum.unparsed, &sum.failed, &sum.seconds_per_question, &sum.vision_tokens,
                       &sum.first_tokens}) {
    *mean = share(*mean, sum.questions);
  }
  sum.boundaries = errors.size();
  sum.coverage = share(sum.coverage, sum.boundaries);
  sum.boundary_median = quantile(errors, 0.5);
  sum.boundary_p90 = quantile(errors, 0.9);
  sum.calibration_error = expected_calibration_error(scores);
  return sum;
}

}  // namespace shijian::eval
