#include "localise/verify.h"

#include <algorithm>
#include <cmath>

namespace shijian::localise {
namespace {

constexpr double kLeastMargin = 1;   // seconds on each side of an event
constexpr double kSurroundings = 3;  // seconds on each side of what is as long as the event
constexpr double kMostFrames = 128;  // of a look
constexpr double kElsewhere = 0.5;   // of an event where another one is seen, at most
constexpr double kLeastPresence = 1e-4;

bool shows(const Sighting& seen, const grounding::Event& event) {
  return std::any_of(seen.events.begin(), seen.events.end(), [&](const grounding::Event& other) {
    const double common = std::min(event.end, other.end) - std::max(event.start, other.start);
    return common >= 0.5 * std::min(event.end - event.start, other.end - other.start);
  });
}

// The geometric mean over one more look.
void add_presence(grounding::Evidence& evidence, double presence) {
  const double looks = evidence.looks;
  const double before = std::max(evidence.presence.value_or(presence), kLeastPresence);
  const double now = std::max(presence, kLeastPresence);
  evidence.presence = std::exp((looks * std::log(before) + std::log(now)) / (looks + 1));
  ++evidence.looks;
}

void check(grounding::Event& event, double margin, double fps, const VerifyOptions& options,
           const Viewer& viewer) {
  Look look;
  look.from = std::max(options.start, event.start - margin);
  look.to = std::min(options.end, event.end + margin);
  look.fps = std::min({options.frame_rate, fps, kMostFrames / (look.to - look.from)});
  look.reason = "check";
  const Sighting seen = viewer(look);
  if (!seen.presence) return;
  const bool elsewhere = !seen.events.empty() && !shows(seen, event);
  add_presence(*event.evidence, elsewhere ? std::min(*seen.presence, kElsewhere) : *seen.presence);
}

}  // namespace

double margin_of(const grounding::Event& event) {
  return std::max(kLeastMargin, (event.end - event.start) / 2);
}

void verify(std::vector<grounding::Event>& events, const VerifyOptions& options,
            const Viewer& viewer) {
  std::vector<grounding::Event*> surest;
  for (grounding::Event& event : events) {
    if (event.evidence && event.end - event.start <= options.longest) surest.push_back(&event);
  }
  std::stable_sort(surest.begin(), surest.end(),
                   [](const grounding::Event* a, const grounding::Event* b) {
                     return a->confidence.value_or(0) > b->confidence.value_or(0);
                   });
  const int each = options.twice ? 2 : 1;
  surest.resize(std::min(surest.size(), static_cast<size_t>(options.looks / each)));
  for (grounding::Event* event : surest) {
    check(*event, margin_of(*event), 2 * options.usual_fps, options, viewer);
    if (options.twice) {
      const double length = event->end - event->start;
      check(*event, length + kSurroundings, options.usual_fps, options, viewer);
    }
  }
}

}  // namespace shijian::localise
