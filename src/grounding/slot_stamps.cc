#include "grounding/slot_stamps.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace shijian::grounding {
namespace {

// Prompts print stamps with one decimal.
constexpr double kRounding = 0.051;

std::optional<size_t> slot_of(const SlotStamps& slots, double stamp) {
  const std::span<const double> times = slots.times;
  const auto after = std::lower_bound(times.begin(), times.end(), stamp);
  auto nearest = after;
  if (after == times.end() ||
      (after != times.begin() && stamp - *std::prev(after) < *after - stamp))
    nearest = std::prev(after);
  if (std::abs(*nearest - stamp) * slots.clock_rate > kRounding) return std::nullopt;
  return static_cast<size_t>(nearest - times.begin());
}

}  // namespace

double slot_gap(std::span<const double> slot_times, double time) {
  if (slot_times.size() < 2) return 0;
  auto after = std::upper_bound(slot_times.begin(), slot_times.end(), time);
  after = std::clamp(after, slot_times.begin() + 1, slot_times.end() - 1);
  return *after - *std::prev(after);
}

CoveredTime time_of_slots(const SlotStamps& slots, size_t first, size_t last) {
  const std::span<const double> t = slots.times;
  const double share = first == last ? 0.5 : 0.25;
  CoveredTime covered{slots.from, slots.to};
  if (first > 0) covered.start = t[first] - share * (t[first] - t[first - 1]);
  if (last + 1 < t.size()) covered.end = t[last] + share * (t[last + 1] - t[last]);
  return covered;
}

void cover_slots(std::span<Event> events, const SlotStamps& slots) {
  if (slots.times.empty()) return;
  for (Event& event : events) {
    const std::optional<size_t> first = slot_of(slots, event.start);
    const std::optional<size_t> last = slot_of(slots, event.end);
    if (!first || !last) continue;
    const CoveredTime covered = time_of_slots(slots, *first, *last);
    event.start = covered.start;
    event.end = covered.end;
  }
}

}  // namespace shijian::grounding
