#include "video/frame_rate.h"

#include <algorithm>
#include <cmath>

namespace shijian::video {
namespace {

constexpr double kLargestRate = 100000;

bool sensible(Rational r) {
  return r.num > 0 && r.den > 0 && r.value() < kLargestRate && r.value() > 1e-6;
}

// Whether pts[i] - i / rate stays within the rounding of a clock: one tick, and also one
// millisecond, since a file with a fine clock may be a copy of one that counts milliseconds.
bool explains(const std::vector<int64_t>& pts, Rational time_base, Rational rate) {
  const long double step = static_cast<long double>(time_base.den) * rate.den /
                           (static_cast<long double>(time_base.num) * rate.num);
  const auto millisecond = static_cast<long double>(0.001 / time_base.value());
  // A clock that counts frames (AVI) does not round: a hole of one tick is a missing frame.
  const long double slack = step < 2 ? 0.001L : std::max(1.0L, std::min(millisecond, step / 8));
  long double low = 0, high = 0;
  for (size_t i = 1; i < pts.size(); ++i) {
    const long double off =
        static_cast<long double>(pts[i] - pts[0]) - step * static_cast<long double>(i);
    low = std::min(low, off);
    high = std::max(high, off);
    if (high - low > slack * 1.001L) return false;
  }
  return true;
}

// The fraction with the smallest denominator in [low, high], by continued fractions.
Rational simplest_between(double low, double high) {
  int64_t num0 = 0, den0 = 1, num1 = 1, den1 = 0;
  for (int depth = 0; depth < 40; ++depth) {
    const double whole = std::floor(low);
    const bool last = whole == low || whole + 1 <= high;
    const auto digit = static_cast<int64_t>(last && whole != low ? whole + 1 : whole);
    const int64_t num = digit * num1 + num0, den = digit * den1 + den0;
    if (last || num > (int64_t{1} << 31) || den > (int64_t{1} << 31)) return {num, den};
    num0 = num1, den0 = den1, num1 = num, den1 = den;
    const double next_low = 1 / (high - whole), next_high = 1 / (low - whole);
    low = next_low, high = next_high;
  }
  return {num1, den1};
}

}  // namespace

RateEstimate estimate_rate(const std::vector<int64_t>& pts, Rational time_base,
                           const std::vector<Rational>& claimed, int64_t last_duration) {
  const int64_t gaps = static_cast<int64_t>(pts.size()) - 1;
  const int64_t span = pts.back() - pts.front();
  if (gaps == 0 || span <= 0) {
    for (Rational rate : claimed) {
      if (sensible(rate)) return {rate, true};
    }
    Rational rate{time_base.den, std::max<int64_t>(last_duration, 1) * time_base.num};
    return {last_duration > 0 && sensible(rate) ? rate : Rational{1, 1}, gaps == 0};
  }

  std::vector<Rational> candidates;
  for (Rational rate : claimed) {
    if (sensible(rate)) candidates.push_back(rate);
  }
  // The rate as the times have it, and how far rounding by a tick can shift it.
  const double tick = time_base.value();
  const double measured = static_cast<double>(gaps) / (static_cast<double>(span) * tick);
  const double low = static_cast<double>(gaps) / (static_cast<double>(span + 1) * tick);
  const double high =
      span > 1 ? static_cast<double>(gaps) / (static_cast<double>(span - 1) * tick) : 2 * measured;
  const auto whole = static_cast<int64_t>(std::llround(measured));
  if (whole >= 1 && measured < kLargestRate) {
    candidates.push_back({whole, 1});
    candidates.push_back({whole * 1000, 1001});
  }
  if (measured < kLargestRate) candidates.push_back(simplest_between(low, high));
  for (Rational rate : candidates) {
    if (explains(pts, time_base, rate)) return {rate, true};
  }

  // Variable: the header's average where it agrees with the times, as the reference would read it.
  for (Rational rate : claimed) {
    if (sensible(rate) && std::abs(rate.value() / measured - 1) < 0.02) return {rate, false};
  }
  Rational rate = simplest_between(measured * (1 - 1e-6), measured * (1 + 1e-6));
  return {sensible(rate) ? rate : Rational{1, 1}, false};
}

int64_t usual_gap(const std::vector<int64_t>& pts) {
  std::vector<int64_t> gaps;
  for (size_t i = 1; i < pts.size(); ++i) {
    if (pts[i] > pts[i - 1]) gaps.push_back(pts[i] - pts[i - 1]);
  }
  if (gaps.empty()) return 0;
  const auto middle = gaps.begin() + std::ssize(gaps) / 2;
  std::nth_element(gaps.begin(), middle, gaps.end());
  return *middle;
}

}  // namespace shijian::video
