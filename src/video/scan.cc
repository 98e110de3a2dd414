#include "video/scan.h"

#include <algorithm>
#include <cmath>

#include "video/calls.h"
#include "video/sandboxed_calls.h"

namespace shijian::video {

float VideoScan::activity_between(double from, double to) const {
  if (activity.empty()) return 1;
  const auto last = static_cast<double>(activity.size() - 1);
  const auto place = [&](double time) {
    return static_cast<std::ptrdiff_t>(std::clamp(std::floor(time / kStep), 0.0, last));
  };
  return *std::max_element(activity.begin() + place(from), activity.begin() + place(to) + 1);
}

VideoScan scan(const std::filesystem::path& path, const VideoInfo& info,
               const std::stop_token& cancel) {
  const InputFile file(path, "video"_text, info);
  if (const auto sandbox = decode_sandbox()) return sandbox->scan(file, info, cancel);
  return scan_file(file, info, cancel, [] {});
}

}  // namespace shijian::video
