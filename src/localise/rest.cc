#include "localise/rest.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace shijian::localise {
namespace {

constexpr double kShortest = 3;       // seconds of a rest that is looked at
constexpr double kFewestFrames = 16;  // of a look, where twice the usual rate gives so many

// A part of the window between known events, or its edges.
struct Rest {
  Window part;
  bool after_event = false;  // it begins where an event ends
  bool before_event = false;
};

void sort(std::vector<grounding::Event>& events) {
  std::stable_sort(events.begin(), events.end(),
                   [](const auto& a, const auto& b) { return a.start < b.start; });
}

class RestOfWindow {
 public:
  RestOfWindow(std::vector<grounding::Event> known, const RestOptions& options,
               const Viewer& viewer)
      : known_(std::move(known)), options_(options), viewer_(viewer), looks_left_(options.looks) {}

  std::vector<grounding::Event> take() {
    sort(found_);
    return std::move(found_);
  }

  void search(const Rest& whole) {
    for (const Rest& rest : rests(whole)) {
      if (looks_left_ > 0 && look_at(rest)) search(rest);
    }
  }

 private:
  std::vector<Rest> rests(const Rest& whole) const {
    std::vector<Rest> rests;
    Rest rest = whole;
    const auto close = [&](double to, bool before_event) {
      rest.part.to = to;
      rest.before_event = before_event;
      if (rest.part.to - rest.part.from >= kShortest) rests.push_back(rest);
    };
    for (const grounding::Event& event : known_) {
      if (event.end <= whole.part.from || event.start >= whole.part.to) continue;
      close(event.start - options_.gap / 2, true);
      rest.part.from = std::max(rest.part.from, event.end + options_.gap / 2);
      rest.after_event = true;
    }
    close(whole.part.to, whole.before_event);
    return rests;
  }

  // Whether it shows anything new.
  bool look_at(const Rest& rest) {
    const double length = rest.part.to - rest.part.from;
    Look look;
    look.from = rest.part.from;
    look.to = rest.part.to;
    look.fps = std::clamp(kFewestFrames / length, options_.usual_fps, 2 * options_.usual_fps);
    look.fps = std::min(look.fps, options_.frame_rate);
    look.reason = "rest";
    --looks_left_;
    const Sighting seen = viewer_(look);
    bool any = false;
    for (const grounding::Event& event : seen.events) {
      const bool goes_on = (rest.after_event && event.start <= look.from + seen.gap) ||
                           (rest.before_event && event.end >= look.to - seen.gap);
      if (goes_on) continue;
      known_.push_back(event);
      found_.push_back(event);
      any = true;
    }
    sort(known_);
    return any;
  }

  std::vector<grounding::Event> known_, found_;
  const RestOptions& options_;
  const Viewer& viewer_;
  int looks_left_;
};

}  // namespace

std::vector<grounding::Event> look_at_rest(std::span<const grounding::Event> events,
                                           const Window& window, const RestOptions& options,
                                           const Viewer& viewer) {
  std::vector<grounding::Event> known;
  std::copy_if(events.begin(), events.end(), std::back_inserter(known), [&](const auto& event) {
    return event.end > window.from && event.start < window.to;
  });
  if (known.empty()) return {};
  RestOfWindow rest(std::move(known), options, viewer);
  rest.search({window, false, false});
  return rest.take();
}

}  // namespace shijian::localise
