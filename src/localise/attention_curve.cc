#include "localise/attention_curve.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace shijian::localise {
namespace {

constexpr double kFloor = 0.1;  // of the mean: what nobody attends to anyway is no peak

double sum_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

std::vector<double> attention_curve(std::span<const SlotAttention> attention,
                                    std::span<const SlotAttention> without) {
  CHECK(!attention.empty() && attention.size() == without.size());
  const size_t slots = attention.front().size();
  const auto heads = static_cast<double>(attention.size());
  std::vector<double> curve(slots);
  for (size_t head = 0; head < attention.size(); ++head) {
    CHECK(attention[head].size() == slots && without[head].size() == slots);
    const double floor = kFloor * sum_of(without[head]) / static_cast<double>(slots) + 1e-12;
    for (size_t slot = 0; slot < slots; ++slot) {
      curve[slot] += attention[head][slot] / (without[head][slot] + floor) / heads;
    }
  }
  return curve;
}

SlotRange shortest_half(std::span<const double> curve) {
  CHECK(!curve.empty());
  const double half = sum_of(curve) / 2;
  SlotRange best{0, curve.size() - 1};
  double sum = 0;
  size_t first = 0;
  for (size_t last = 0; last < curve.size(); ++last) {
    sum += curve[last];
    while (first < last && sum - curve[first] >= half) sum -= curve[first++];
    if (sum >= half && last - first < best.last - best.first) best = {first, last};
  }
  return best;
}

double agreement(std::span<const double> curve, const grounding::SlotStamps& slots, double start,
                 double end) {
  const SlotRange half = shortest_half(curve);
  const grounding::CoveredTime time = grounding::time_of_slots(slots, half.first, half.last);
  const double common = std::min(time.end, end) - std::max(time.start, start);
  const double both = std::max(time.end, end) - std::min(time.start, start);
  return common > 0 && both > 0 ? common / both : 0;
}

}  // namespace shijian::localise
