#include "video/adaptive_plan.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace shijian::video {
namespace {

// A step with no less activity is busy.
constexpr float kBusy = 0.25F;
// What stands for a shorter time between busy parts is busy, too. Seconds.
constexpr double kShortestStill = 2;

struct Part {
  int64_t first = 0;  // frames
  int64_t last = 0;
  bool busy = false;
};

// Whether each step of the scan is busy. A busy one makes its neighbours busy: what begins there
// may have begun just before.
std::vector<bool> busy_steps(const VideoScan& scan) {
  const auto count = std::ssize(scan.activity);
  std::vector<bool> busy(static_cast<size_t>(count));
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    for (auto j = std::max<std::ptrdiff_t>(0, i - 1); j <= std::min(count - 1, i + 1); ++j) {
      if (scan.activity[static_cast<size_t>(j)] >= kBusy) busy[static_cast<size_t>(i)] = true;
    }
  }
  const auto shortest = static_cast<std::ptrdiff_t>(kShortestStill / VideoScan::kStep);
  for (std::ptrdiff_t begin = 0; begin < count;) {
    std::ptrdiff_t end = begin;
    while (end < count && busy[static_cast<size_t>(end)] == busy[static_cast<size_t>(begin)]) ++end;
    const bool between = begin > 0 && end < count;
    if (!busy[static_cast<size_t>(begin)] && between && end - begin < shortest) {
      std::fill(busy.begin() + begin, busy.begin() + end, true);
    }
    begin = end;
  }
  return busy;
}

class Planner {
 public:
  Planner(const VideoInfo& info, const VideoScan& scan, const AdaptiveOptions& options)
      : info_(info), options_(options), busy_(busy_steps(scan)) {
    first_ = frame_from(options.from);
    last_ = std::max(first_, info.frame_at(options.to));
    const int64_t slots = std::max<int64_t>(1, options.max_frames / options.temporal);
    split_at(scan.cuts, slots);
  }

  std::vector<RateSpan> plan() const {
    double share = 1;
    // The rates come down until the budget holds.
    while (frames(share) > options_.max_frames && share > 1e-6) {
      const double wanted = static_cast<double>(options_.max_frames);
      share *= std::min(0.98, wanted / static_cast<double>(frames(share)));
    }
    std::vector<RateSpan> spans;
    for (const Part& part : parts_) {
      spans.push_back(
          {part.first, part.last, share * rate(part), frames_of(part, share), part.busy});
    }
    return spans;
  }

 private:
  // The first frame that is not before `time`, or the last one.
  int64_t frame_from(double time) const {
    const int64_t frame = info_.frame_at(time);
    return info_.frame_time(frame) < time && frame + 1 < info_.frame_count ? frame + 1 : frame;
  }

  // Shots, and what is busy and what stands within them; at most `most` parts.
  void split_at(const std::vector<int64_t>& cuts, int64_t most) {
    std::vector<int64_t> begins{first_};
    const auto inside = [&](int64_t frame) { return frame > first_ && frame <= last_; };
    std::copy_if(cuts.begin(), cuts.end(), std::back_inserter(begins), inside);
    for (size_t step = 1; step < busy_.size(); ++step) {
      if (busy_[step] == busy_[step - 1]) continue;
      const int64_t frame = frame_from(static_cast<double>(step) * VideoScan::kStep);
      if (inside(frame)) begins.push_back(frame);
    }
    std::sort(begins.begin(), begins.end());
    begins.erase(std::unique(begins.begin(), begins.end()), begins.end());
    // Too many: each joins its neighbour, as often as need be.
    while (std::ssize(begins) > most) {
      std::vector<int64_t> fewer;
      for (size_t i = 0; i < begins.size(); i += 2) fewer.push_back(begins[i]);
      begins = std::move(fewer);
    }
    for (size_t i = 0; i < begins.size(); ++i) {
      const int64_t end = i + 1 < begins.size() ? begins[i + 1] - 1 : last_;
      parts_.push_back({begins[i], end, is_busy(begins[i], end)});
    }
  }

  bool is_busy(int64_t first, int64_t last) const {
    if (busy_.empty()) return true;
    const auto step = [&](int64_t frame) {
      const double at = std::max(0.0, info_.frame_time(frame) / VideoScan::kStep);
      return std::min(static_cast<size_t>(at), busy_.size() - 1);
    };
    const auto begin = busy_.begin() + static_cast<std::ptrdiff_t>(step(first));
    const auto end = busy_.begin() + static_cast<std::ptrdiff_t>(step(last)) + 1;
    return std::find(begin, end, true) != end;
  }

  double rate(const Part& part) const { return part.busy ? options_.busy_fps : options_.still_fps; }

  int64_t frames_of(const Part& part, double share) const {
    const double end =
        part.last + 1 < info_.frame_count ? info_.frame_time(part.last + 1) : info_.duration;
    const double wanted = (end - info_.frame_time(part.first)) * rate(part) * share;
    const auto slots = static_cast<int64_t>(std::ceil(wanted / options_.temporal - 0.5));
    return std::max<int64_t>(1, slots) * options_.temporal;
  }

  int64_t frames(double share) const {
    int64_t sum = 0;
    for (const Part& part : parts_) sum += frames_of(part, share);
    return sum;
  }

  const VideoInfo& info_;
  const AdaptiveOptions& options_;
  const std::vector<bool> busy_;
  int64_t first_ = 0, last_ = 0;  // frames of the window
  std::vector<Part> parts_;
};

}  // namespace

std::vector<RateSpan> adaptive_spans(const VideoInfo& info, const VideoScan& scan,
                                     const AdaptiveOptions& options) {
  CHECK(options.busy_fps > 0 && options.still_fps > 0 && options.temporal > 0);
  return Planner(info, scan, options).plan();
}

}  // namespace shijian::video
