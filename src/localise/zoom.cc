#include "localise/zoom.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

#include "grounding/slot_stamps.h"

namespace shijian::localise {
namespace {

// Of a look at one boundary, gaps on each side of it: a model errs by one slot now and then.
constexpr double kMargin = 1.5;
// Of a look at a whole event, gaps on each side: models know events as a smaller part of a clip.
constexpr double kEventMargin = 2.5;
// Events of so many gaps are looked at whole, longer ones at each boundary.
constexpr double kWhole = 6;
// Frames of a look in the gap between two slots that it shall look between.
constexpr double kFramesInGap = 32.0 / 3;
// What was seen holds within so many gaps: a boundary farther away is another one.
constexpr double kReach = 0.75;
// A closer look in which the model is less sure is worth no more than the first.
constexpr double kSure = 0.7;

struct Boundary {
  double time = 0;
  double doubt = 0;    // its uncertainty
  double gap = 0;      // between the slots that it was seen with
  bool open = true;    // may be asked again
  bool found = false;  // again, in a closer look
};

class Zoom {
 public:
  Zoom(grounding::Event& event, std::span<const double> slot_times, const ZoomOptions& options,
       const Viewer& viewer, int& looks_left)
      : event_(event), options_(options), viewer_(viewer), looks_left_(looks_left) {
    start_ = boundary(event.start, event.start_uncertainty, slot_times);
    end_ = boundary(event.end, event.end_uncertainty, slot_times);
    start_.open = start_.open && event.start > options.start + start_.gap / 2;
    end_.open = end_.open && event.end < options.end - end_.gap / 2;
  }

  void run() {
    for (int round = 0; round < options_.rounds; ++round) {
      if (wanted(start_) && wanted(end_) &&
          end_.time - start_.time <= kWhole * std::max(start_.gap, end_.gap)) {
        const Closer seen = look("event", kEventMargin, start_, end_);
        // What is not found in it is looked at by itself.
        take_start(seen);
        take_end(seen);
      }
      if (wanted(start_)) start_.open = take_start(look("start", kMargin, start_, start_));
      if (wanted(end_)) end_.open = take_end(look("end", kMargin, end_, end_));
    }
    settle();
  }

 private:
  static Boundary boundary(double time, std::optional<double> uncertainty,
                           std::span<const double> slot_times) {
    const double gap = grounding::slot_gap(slot_times, time);
    return {time, uncertainty.value_or(gap), gap, gap > 0};
  }

  bool wanted(const Boundary& boundary) const {
    return looks_left_ > 0 && boundary.open && boundary.doubt > options_.precision &&
           boundary.gap > 2 / options_.frame_rate;
  }

  struct Closer {
    Look look;
    Sighting sighting;
  };

  // At what lies between two boundaries, which may be one.
  Closer look(std::string_view reason, double margin, const Boundary& first, const Boundary& last) {
    const double gap = std::max(first.gap, last.gap);
    Look look;
    look.from = std::max(options_.start, first.time - margin * gap);
    look.to = std::min(options_.end, last.time + margin * gap);
    look.fps = std::min(options_.frame_rate, kFramesInGap / gap);
    look.reason = reason;
    --looks_left_;
    return {look, viewer_(look)};
  }

  bool take_start(const Closer& seen) {
    return take(start_, seen, &grounding::Event::start, &grounding::Event::start_uncertainty);
  }
  bool take_end(const Closer& seen) {
    return take(end_, seen, &grounding::Event::end, &grounding::Event::end_uncertainty);
  }

  // Whether the boundary was found again: that of the seen ones which lies nearest. One at the edge
  // of the look is the edge of what was shown and no boundary, unless the pictures end there.
  bool take(Boundary& boundary, const Closer& closer, double grounding::Event::*time,
            std::optional<double> grounding::Event::*uncertainty) const {
    const auto& [look, seen] = closer;
    const grounding::Event* nearest = nullptr;
    for (const grounding::Event& event : seen.events) {
      const double at = event.*time;
      const bool edge = (at <= look.from + seen.gap / 4 && look.from > options_.start) ||
                        (at >= look.to - seen.gap / 4 && look.to < options_.end);
      const bool near = std::abs(at - boundary.time) <= kReach * boundary.gap;
      const bool sure = event.confidence.value_or(1) >= kSure;
      if (edge || !near || !sure) continue;
      if (nearest == nullptr ||
          std::abs(at - boundary.time) < std::abs(nearest->*time - boundary.time)) {
        nearest = &event;
      }
    }
    if (nearest == nullptr || !(seen.gap < boundary.gap)) return false;
    boundary.time = nearest->*time;
    boundary.doubt = (nearest->*uncertainty).value_or(seen.gap);
    boundary.gap = seen.gap;
    boundary.found = true;
    return true;
  }

  void settle() {
    if (start_.time > end_.time) return;  // the looks contradict each other
    if (start_.found) {
      event_.start = start_.time;
      event_.start_uncertainty = start_.doubt;
    }
    if (end_.found) {
      event_.end = end_.time;
      event_.end_uncertainty = end_.doubt;
    }
  }

  grounding::Event& event_;
  const ZoomOptions& options_;
  const Viewer& viewer_;
  int& looks_left_;
  Boundary start_, end_;
};

}  // namespace

void zoom(std::vector<grounding::Event>& events, std::span<const double> slot_times,
          const ZoomOptions& options, const Viewer& viewer) {
  int looks_left = options.looks;
  for (grounding::Event& event : events) {
    Zoom(event, slot_times, options, viewer, looks_left).run();
  }
  // Neighbours that were apart stay apart.
  for (size_t i = 1; i < events.size(); ++i) {
    grounding::Event& before = events[i - 1];
    if (before.end > events[i].start && before.start < events[i].start) {
      before.end = events[i].start;
    }
  }
}

}  // namespace shijian::localise
