#include "localise/search.h"

#include <algorithm>
#include <numeric>

namespace shijian::localise {
namespace {

constexpr double kCoarseShare = 0.5;  // of the frames

}  // namespace

std::vector<double> search(std::span<const Window> windows, const SearchOptions& options,
                           const WindowViewer& viewer) {
  double seconds = 0;
  for (const Window& window : windows) seconds += window.to - window.from;
  const bool everywhere = seconds * options.usual_fps <= options.frames;
  const double coarse =
      std::clamp(kCoarseShare * options.frames / std::max(seconds, 1e-3),
                 std::min(options.lowest_fps, options.usual_fps), options.usual_fps);
  std::vector<double> rates(windows.size(), everywhere ? options.usual_fps : coarse);
  std::vector<double> likely(windows.size());
  for (size_t i = 0; i < windows.size(); ++i) likely[i] = viewer(i, rates[i]);
  if (everywhere) return rates;

  std::vector<size_t> order(windows.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return likely[a] > likely[b]; });
  double left = options.frames - seconds * coarse;
  for (const size_t i : order) {
    const double cost = (windows[i].to - windows[i].from) * options.usual_fps;
    if (cost > left) continue;
    left -= cost;
    viewer(i, options.usual_fps);
    rates[i] = options.usual_fps;
  }
  return rates;
}

}  // namespace shijian::localise
