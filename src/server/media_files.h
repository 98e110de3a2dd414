// Pictures made of a video, for the page.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "engine/media.h"
#include "http/server.h"

namespace shijian::server {

// Frames side by side in one JPEG.
struct FrameStrip {
  std::string jpeg;
  std::vector<double> times;  // [frames] seconds on the timeline
  int width = 0, height = 0;  // of one frame
};

inline constexpr int kMaxJpegSide = 65000;  // pixels

// The plan's frames side by side, with the times of those really shown. The errors of decode.
FrameStrip decode_strip(const std::filesystem::path& file, const video::VideoInfo& info,
                        const video::FramePlan& plan, const std::stop_token& cancel = {});

// Frames [first, first + count) of the plan at the plan's size, as many of them as there are and a
// strip has room for. The errors of decode.
FrameStrip planned_frames(const engine::Media& media, int64_t first, int64_t count,
                          const std::stop_token& cancel = {});

// With the headers X-Frame-Times and X-Frame-Size.
http::HttpResponse strip_response(const FrameStrip& strip);

}  // namespace shijian::server
