#include "eval/choose_heads.h"

#include <algorithm>

#include "localise/attention_curve.h"

namespace shijian::eval {
namespace {

constexpr size_t kMostHeads = 4;
constexpr double kLeastAgreement = 0.25;

}  // namespace

void HeadChooser::add(const EvalItem& item, const engine::HeadsAttention& seen) {
  std::vector<Span> shown;
  for (const Span& span : item.spans) {
    if (span.end > seen.from && span.start < seen.to) shown.push_back(span);
  }
  const bool whole = shown.size() == 1 && shown[0].start >= seen.from && shown[0].end <= seen.to;
  if (!whole || seen.slot_times.size() < 2) return;
  ++questions_;
  for (size_t i = 0; i < seen.heads.size(); ++i) {
    const std::vector<double> curve =
        localise::attention_curve({&seen.with[i], 1}, {&seen.without[i], 1});
    sums_[{seen.heads[i].layer, seen.heads[i].index}] += localise::agreement(
        curve, {seen.slot_times, seen.from, seen.to, 1}, shown[0].start, shown[0].end);
  }
}

grounding::ReadoutHeads HeadChooser::choose(int64_t rows) const {
  std::vector<std::pair<double, grounding::ReadoutHeads::Head>> scored;
  for (const auto& [head, sum] : sums_) {
    scored.push_back({sum / static_cast<double>(questions_), {head.first, head.second}});
  }
  std::stable_sort(scored.begin(), scored.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  grounding::ReadoutHeads chosen;
  chosen.rows = rows;
  for (const auto& [score, head] : scored) {
    if (score >= kLeastAgreement && chosen.heads.size() < kMostHeads) chosen.heads.push_back(head);
  }
  return chosen;
}

}  // namespace shijian::eval
