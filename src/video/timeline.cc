#include "video/timeline.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "video/frame_rate.h"

namespace shijian::video {
namespace {

constexpr int kDeepestReorder = 17;  // frames; H.264 and HEVC allow 16
constexpr size_t kOffsets = 4;       // clocks that may alternate around a jump
constexpr int kStands = 3;           // frames with the time of one before them; fewer is rounding
constexpr double kUsualRate = 25;

// The median distance of packets in the order of their times, 0 when there is none.
int64_t usual_step(const PacketLog& log) {
  std::vector<int64_t> times, steps;
  for (const PacketFacts& p : log.packets) {
    if (p.shown && p.pts != AV_NOPTS_VALUE) times.push_back(p.pts);
  }
  std::sort(times.begin(), times.end());
  for (size_t i = 1; i < times.size(); ++i) {
    if (times[i] > times[i - 1]) steps.push_back(times[i] - times[i - 1]);
  }
  if (steps.empty()) return 0;
  std::nth_element(steps.begin(), steps.begin() + std::ssize(steps) / 2, steps.end());
  return steps[steps.size() / 2];
}

bool known(int64_t stamp) { return stamp != AV_NOPTS_VALUE; }

// Ticks of one frame: the median over neighbours whose times are known, as the header has it where
// the two agree.
double frame_ticks(const std::vector<int64_t>& stamps, Rational time_base,
                   const std::vector<Rational>& rates) {
  std::vector<double> steps;
  size_t last = stamps.size();
  for (size_t i = 0; i < stamps.size(); ++i) {
    if (!known(stamps[i])) continue;
    if (last < i && stamps[i] > stamps[last]) {
      steps.push_back(static_cast<double>(stamps[i] - stamps[last]) /
                      static_cast<double>(i - last));
    }
    last = i;
  }
  double usual = 0;
  if (!steps.empty()) {
    std::nth_element(steps.begin(), steps.begin() + std::ssize(steps) / 2, steps.end());
    usual = steps[steps.size() / 2];
  }
  for (const Rational rate : rates) {
    if (rate.num <= 0 || rate.den <= 0) continue;
    const double claimed = 1 / (rate.value() * time_base.value());
    if (usual == 0 || std::abs(claimed - usual) < std::max(1.0, usual / 50)) return claimed;
  }
  return usual > 0 ? usual : 1 / (kUsualRate * time_base.value());
}

// Walks over the frames and says when each is shown.
class ClockMender {
 public:
  ClockMender(double step, const ClockGaps& gaps) : step_(step), gaps_(gaps) {}

  // Frames come in the order in which they are shown.
  void add(int64_t stamp, int64_t packet, bool restart) {
    if (!known(stamp)) return wait();
    const auto raw = static_cast<double>(stamp);
    if (!started_) {
      start(raw);
    } else if (restart || !place(raw, packet)) {
      // A clock that begins anew or has jumped.
      settle_by_step();
      offsets_.insert(offsets_.begin(), last_ + step_ - raw);
      mended_.push_back({std::ssize(times_), offsets_.front()});
      offsets_.resize(std::min(offsets_.size(), kOffsets));
      last_ += step_;
      times_.push_back(last_);
    }
  }

  Timeline finish(const Rational& time_base, const std::vector<Rational>& rates) {
    if (!started_) {
      last_ = -step_;
      started_ = true;
    }
    settle_by_step();
    Timeline timeline;
    timeline.mended = std::move(mended_);
    for (const double time : times_) timeline.ticks.push_back(std::llround(time));
    make_exact(timeline, time_base, rates);
    return timeline;
  }

 private:
  void start(double raw) {
    for (int64_t i = 0; i < waiting_; ++i) {
      times_[i] = raw - step_ * static_cast<double>(waiting_ - i);
    }
    waiting_ = 0;
    started_ = true;
    offsets_ = {0};
    last_ = raw;
    times_.push_back(raw);
  }

  // False when the time fits to none of the clocks so far.
  bool place(double raw, int64_t packet) {
    for (const double offset : offsets_) {
      const double time = raw + offset;
      const double waited = last_ + step_ * static_cast<double>(waiting_);
      if (time > last_ && (time - waited <= static_cast<double>(gaps_.longest) ||
                           gaps_.still(std::llround(waited - offset), std::llround(raw), packet))) {
        settle(time);
        return true;
      }
    }
    // A clock that stands, or went back by little, is set right once it has moved on.
    const double back = last_ - (raw + offsets_.front());
    if (back < 0 || back > step_ * kDeepestReorder) return false;
    stands_ = true;
    wait();
    return true;
  }

  void wait() {
    times_.push_back(0);
    ++waiting_;
  }

  // The frame at `time`, and those that wait for it.
  void settle(double time) {
    const double steps = static_cast<double>(waiting_) + 1;
    double step = (time - last_) / steps;
    const bool crowded = waiting_ > 0 && step < step_ / 4;
    if (crowded) {
      for (double& offset : offsets_) offset += last_ + steps * step_ - time;
      step = step_;
    }
    if (crowded || (stands_ && waiting_ >= kStands)) {
      mended_.push_back({std::ssize(times_) - waiting_, offsets_.front()});
    }
    for (int64_t i = waiting_; i > 0; --i) {
      times_[std::ssize(times_) - i] = last_ + step * static_cast<double>(waiting_ - i + 1);
    }
    last_ = waiting_ > 0 ? last_ + step * steps : time;
    waiting_ = 0;
    stands_ = false;
    times_.push_back(last_);
  }

  // Places the waiting frames one step apart, when no clock gives their times.
  void settle_by_step() {
    if (stands_) mended_.push_back({std::ssize(times_) - waiting_, offsets_.front()});
    stands_ = false;
    for (int64_t i = waiting_; i > 0; --i) times_[std::ssize(times_) - i] = last_ += step_;
    waiting_ = 0;
  }

  // Each stretch may be constant within its clock's rounding, and the whole beyond it.
  static void make_exact(Timeline& timeline, const Rational& time_base,
                         const std::vector<Rational>& rates) {
    if (timeline.mended.empty()) return;
    std::vector<int64_t>& ticks = timeline.ticks;
    Rational rate;
    size_t begin = 0;
    for (size_t i = 0; i <= timeline.mended.size(); ++i) {
      const size_t end = i < timeline.mended.size() ? timeline.mended[i].frame : ticks.size();
      if (end - begin > 1) {
        const RateEstimate estimate =
            estimate_rate({ticks.begin() + static_cast<int64_t>(begin),
                           ticks.begin() + static_cast<int64_t>(end)},
                          time_base, rate.num > 0 ? std::vector{rate} : rates, 0);
        const bool same =
            rate.num == 0 || (estimate.rate.num == rate.num && estimate.rate.den == rate.den);
        if (!estimate.constant || !same) return;
        rate = estimate.rate;
      }
      begin = end;
    }
    if (rate.num == 0) return;
    const double step = 1 / (rate.value() * time_base.value());
    for (size_t i = 1; i < ticks.size(); ++i) {
      ticks[i] = ticks[0] + std::llround(step * static_cast<double>(i));
    }
  }

  const double step_;  // ticks
  const ClockGaps& gaps_;
  bool started_ = false;
  double last_ = 0;              // the time of the last frame that has one
  std::vector<double> offsets_;  // from clocks to the timeline, the newest first
  int64_t waiting_ = 0;          // frames at the end of times_ that have none yet
  bool stands_ = false;          // some of them because their clock stood
  std::vector<double> times_;
  std::vector<MendedPlace> mended_;
};

}  // namespace

FrameOrder order_by_clock(const PacketLog& log, bool may_reorder, const ClockGaps& gaps) {
  FrameOrder order;
  order.packets.reserve(log.shown);
  const int64_t reach = may_reorder ? usual_step(log) * kDeepestReorder : 0;
  const auto time_of = [&](int64_t number) { return log.packets[number].pts; };
  const auto sort_from = [&](int64_t begin) {
    std::stable_sort(order.packets.begin() + begin, order.packets.end(),
                     [&](int64_t a, int64_t b) { return time_of(a) < time_of(b); });
    const auto same = std::adjacent_find(
        order.packets.begin() + begin, order.packets.end(),
        [&](int64_t a, int64_t b) { return known(time_of(a)) && time_of(a) == time_of(b); });
    order.repeated = order.repeated || same != order.packets.end();
  };
  int64_t begin = 0, latest = AV_NOPTS_VALUE;
  for (int64_t number = 0; number < std::ssize(log.packets); ++number) {
    const PacketFacts& p = log.packets[number];
    if (!p.shown) continue;
    if (!known(p.pts)) {
      order.missing = true;
    } else if (known(latest)) {
      // All that lies before a key packet is shown before it.
      const bool back = p.pts < latest - reach || (p.key && p.pts < latest);
      if (back || (p.pts > latest + gaps.longest && !gaps.still(latest, p.pts, number))) {
        order.broken_group = order.broken_group || (may_reorder && !p.key);
        if (!order.missing) sort_from(begin);
        begin = std::ssize(order.packets);
        order.restarts.push_back(begin);
        latest = p.pts;
      }
      order.reordered = order.reordered || p.pts < latest;
    }
    latest = known(p.pts) ? std::max(latest, p.pts) : latest;
    order.packets.push_back(number);
  }
  if (!order.missing) sort_from(begin);
  return order;
}

bool lacks_neighbours(const PacketLog& log, const FrameOrder& order, int64_t begin, double step) {
  const int64_t first = *std::min_element(order.packets.begin() + begin, order.packets.end());
  int64_t latest = AV_NOPTS_VALUE;
  double usual = 0, last = 0;
  for (int64_t number = 0; number < std::ssize(log.packets); ++number) {
    const PacketFacts& p = log.packets[number];
    if (!p.shown || !known(p.pts)) continue;
    const auto ahead = static_cast<double>(known(latest) ? p.pts - latest : 0);
    latest = std::max(latest, p.pts);
    if (ahead <= 0) continue;
    if (number > first) return false;
    if (number == first) {
      last = ahead;
    } else if (ahead < step * kDeepestReorder) {
      usual = std::max(usual, ahead);
    }
  }
  return last > 1.5 * step && last < usual + step / 2;
}

Timeline mend_clock(const std::vector<int64_t>& stamps, const FrameOrder& order, Rational time_base,
                    const std::vector<Rational>& rates, const ClockGaps& gaps) {
  ClockMender mender(frame_ticks(stamps, time_base, rates), gaps);
  auto restart = order.restarts.begin();
  for (int64_t i = 0; i < std::ssize(stamps); ++i) {
    const bool fresh = restart != order.restarts.end() && *restart == i;
    if (fresh) ++restart;
    mender.add(stamps[i], order.packets[i], fresh);
  }
  return mender.finish(time_base, rates);
}

}  // namespace shijian::video
