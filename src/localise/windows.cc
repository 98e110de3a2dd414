#include "localise/windows.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"

namespace shijian::localise {
namespace {

// An event and where it was seen.
struct Seen {
  grounding::Event event;
  bool cut_start = false;  // by the window's start: it may have begun before
  bool cut_end = false;
};

Seen seen_in(const WindowEvents& part, const grounding::Event& event, bool first, bool last) {
  return {event, !first && event.start <= part.window.from + part.gap,
          !last && event.end >= part.window.to - part.gap};
}

bool are_one(const Seen& a, const Seen& b, double gap) {
  const double common = std::min(a.event.end, b.event.end) - std::max(a.event.start, b.event.start);
  if (common >= 0.5 * std::min(a.event.end - a.event.start, b.event.end - b.event.start) &&
      common >= 0) {
    return true;
  }
  return (a.cut_end || b.cut_start) && common >= -gap;
}

// `b` comes from a later window.
void add(const Seen& b, Seen& a) {
  grounding::Event& event = a.event;
  if (b.event.start < event.start) {
    event.start = b.event.start;
    event.start_uncertainty = b.event.start_uncertainty;
    a.cut_start = b.cut_start;
  }
  if (a.cut_end || b.event.end > event.end) {
    event.end = b.event.end;
    event.end_uncertainty = b.event.end_uncertainty;
    a.cut_end = b.cut_end;
  }
  if (b.event.confidence.value_or(0) > event.confidence.value_or(0)) {
    event.confidence = b.event.confidence;
    event.evidence = b.event.evidence;
  }
}

}  // namespace

std::vector<Window> split(double from, double to, double longest, double overlap,
                          std::span<const double> shots) {
  CHECK(longest > 0 && overlap >= 0 && 4 * overlap < longest);
  std::vector<Window> windows;
  double begin = from;
  while (to - begin > longest) {
    const double end = begin + longest;
    windows.push_back({begin, end});
    // The last shot that begins in the window's last quarter, else a place of our own.
    const auto after = std::upper_bound(shots.begin(), shots.end(), end);
    const bool shot = after != shots.begin() && *std::prev(after) > end - longest / 4 &&
                      to - *std::prev(after) >= longest / 4;
    begin = shot ? *std::prev(after) : end - overlap;
    if (shot) windows.back().to = begin;
  }
  windows.push_back({begin, to});
  return windows;
}

std::vector<grounding::Event> join(std::span<const WindowEvents> windows) {
  std::vector<Seen> all;
  for (size_t i = 0; i < windows.size(); ++i) {
    const WindowEvents& part = windows[i];
    for (const grounding::Event& event : part.events) {
      const Seen seen = seen_in(part, event, i == 0, i + 1 == windows.size());
      const auto same = std::find_if(all.begin(), all.end(), [&](const Seen& before) {
        return are_one(before, seen, part.gap);
      });
      if (same == all.end()) {
        all.push_back(seen);
      } else {
        add(seen, *same);
      }
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Seen& a, const Seen& b) { return a.event.start < b.event.start; });
  std::vector<grounding::Event> events;
  events.reserve(all.size());
  for (Seen& seen : all) events.push_back(std::move(seen.event));
  return events;
}

}  // namespace shijian::localise
