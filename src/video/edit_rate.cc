#include "video/edit_rate.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "video/frame_rate.h"

namespace shijian::video {
namespace {

constexpr std::array kEditors = {
    EditRate{24000, 1001}, EditRate{24, 1},        EditRate{25, 1},  EditRate{30000, 1001},
    EditRate{30, 1},       EditRate{48000, 1001},  EditRate{48, 1},  EditRate{50, 1},
    EditRate{60000, 1001}, EditRate{60, 1},        EditRate{100, 1}, EditRate{120000, 1001},
    EditRate{120, 1},      EditRate{240000, 1001}, EditRate{240, 1}};
// Rates below are those of slow cameras, which editors take as they are.
constexpr std::array kSlow = {EditRate{5, 1}, EditRate{10, 1}, EditRate{12, 1},
                              EditRate{15000, 1001}, EditRate{15, 1}};
constexpr double kSame = 2e-4;  // between 30 and 29.97 there is a thousandth

double distance(const EditRate& rate, double value) {
  return std::abs(std::log(rate.value() / value));
}

EditRate nearest(double value) {
  return *std::min_element(kEditors.begin(), kEditors.end(), [&](const auto& a, const auto& b) {
    return distance(a, value) < distance(b, value);
  });
}

EditRate conform(double value) {
  for (const EditRate& rate : kSlow) {
    if (distance(rate, value) < kSame) return rate;
  }
  for (int times = 1; times <= 24; ++times) {
    const EditRate rate = nearest(value * times);
    if (distance(rate, value * times) < kSame) return rate;
  }
  return nearest(value);
}

// Frames a second where they come as they usually do.
double usual_rate(const VideoInfo& info) {
  const auto usual = static_cast<double>(usual_gap(info.frame_pts));
  if (usual == 0) return info.frame_rate.value();
  // Clocks round: the mean of what lies near says more than one gap.
  double sum = 0, count = 0;
  for (size_t i = 1; i < info.frame_pts.size(); ++i) {
    const auto ticks = static_cast<double>(info.frame_pts[i] - info.frame_pts[i - 1]);
    if (ticks < usual * 0.75 || ticks > usual * 1.25) continue;
    sum += ticks;
    ++count;
  }
  return count / (sum * info.time_base.value());
}

}  // namespace

EditRate edit_rate(const VideoInfo& info) {
  return conform(info.variable_rate ? usual_rate(info) : info.frame_rate.value());
}

}  // namespace shijian::video
