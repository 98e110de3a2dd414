#include "eval/baselines.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace shijian::eval {

namespace {

// R1 and mIoU of an interval that depends on the item's duration by `scale`.
ConstantAnswer score_constant(std::span<const EvalItem* const> items, double start, double end,
                              bool fraction) {
  ConstantAnswer answer;
  answer.start = start;
  answer.end = end;
  for (const EvalItem* item : items) {
    const double scale = fraction ? item->duration : 1;
    Span span{start * scale, end * scale};
    if (item->duration > 0) {
      span.start = std::min(span.start, item->duration);
      span.end = std::min(span.end, item->duration);
    }
    const double iou = best_iou(span, item->spans);
    answer.miou += iou;
    for (size_t i = 0; i < kRecallThresholds.size(); ++i) {
      answer.r1[i] += iou >= kRecallThresholds[i];
    }
  }
  if (!items.empty()) {
    const double count = static_cast<double>(items.size());
    answer.miou /= count;
    for (double& r1 : answer.r1) r1 /= count;
  }
  return answer;
}

bool better(const ConstantAnswer& a, const ConstantAnswer& b) {
  return a.r1[1] != b.r1[1] ? a.r1[1] > b.r1[1] : a.miou > b.miou;
}

ConstantAnswer search(std::span<const EvalItem* const> items, double step, int steps,
                      bool fraction) {
  ConstantAnswer best = score_constant(items, 0, step, fraction);
  for (int i = 0; i < steps; ++i) {
    for (int j = i + 1; j <= steps; ++j) {
      const ConstantAnswer answer = score_constant(items, i * step, j * step, fraction);
      if (better(answer, best)) best = answer;
    }
  }
  return best;
}

std::vector<const EvalItem*> occurring(std::span<const EvalItem> items, bool need_duration) {
  std::vector<const EvalItem*> chosen;
  for (const EvalItem& item : items) {
    if (!item.spans.empty() && (item.duration > 0 || !need_duration)) chosen.push_back(&item);
  }
  return chosen;
}

}  // namespace

ConstantAnswer best_constant_fraction(std::span<const EvalItem> items) {
  return search(occurring(items, true), 0.02, 50, true);
}

ConstantAnswer best_constant_seconds(std::span<const EvalItem> items) {
  const auto chosen = occurring(items, false);
  double latest = 0;
  for (const EvalItem* item : chosen) {
    for (const Span& span : item->spans) latest = std::max(latest, span.end);
  }
  const double step = std::max(0.1, std::ceil(latest / 120 * 10) / 10);
  return search(chosen, step, static_cast<int>(std::ceil(latest / step)), false);
}

ConstantAnswer question_only(std::span<const EvalItem> items) {
  // [kind, language] -> the questions of every other video, and those of the rest
  std::map<std::pair<std::string, std::string>, std::array<std::vector<const EvalItem*>, 2>> groups;
  std::map<std::string, size_t> videos;
  double total = 0;
  for (const EvalItem* item : occurring(items, true)) {
    const size_t video = videos.emplace(item->video, videos.size()).first->second;
    groups[{item->kind, item->language}][video % 2].push_back(item);
    ++total;
  }
  ConstantAnswer mean;
  for (const auto& [key, halves] : groups) {
    for (const size_t half : {0, 1}) {
      const ConstantAnswer learnt = search(halves[1 - half], 0.02, 50, true);
      const ConstantAnswer scored = score_constant(halves[half], learnt.start, learnt.end, true);
      const double weight = static_cast<double>(halves[half].size()) / total;
      mean.miou += weight * scored.miou;
      for (size_t i = 0; i < mean.r1.size(); ++i) mean.r1[i] += weight * scored.r1[i];
    }
  }
  return mean;
}

double sampling_ceiling(const grounding::SlotStamps& slots, bool covered,
                        std::span<const Span> truth) {
  const std::span<const double> times = slots.times;
  if (times.empty()) return 0;
  // IoU falls the further a boundary moves off on either side, so the best pair holds, for each
  // boundary, one of the two slots around it. A covered slot's boundary lies within half a gap of
  // its stamp: one slot more on both sides.
  const size_t margin = covered ? 2 : 1;
  const auto around = [&](double t) {
    const auto above =
        static_cast<size_t>(std::lower_bound(times.begin(), times.end(), t) - times.begin());
    return std::pair(above - std::min(above, margin), std::min(above + margin, times.size()));
  };
  double best = 0;
  for (const Span& span : truth) {
    const auto [start_low, start_high] = around(span.start);
    const auto [end_low, end_high] = around(span.end);
    for (size_t first = std::min(start_low, times.size() - 1); first < start_high; ++first) {
      for (size_t last = std::max(first, std::min(end_low, times.size() - 1)); last < end_high;
           ++last) {
        const grounding::CoveredTime time = covered
                                                ? grounding::time_of_slots(slots, first, last)
                                                : grounding::CoveredTime{times[first], times[last]};
        best = std::max(best, interval_iou({time.start, time.end}, span));
      }
    }
  }
  return best;
}

}  // namespace shijian::eval
