#include "server/media_files.h"

#include <algorithm>

#include "base/error.h"
#include "video/decode.h"
#include "video/jpeg.h"

namespace shijian::server {
namespace {

constexpr int64_t kMaxStripPixels = int64_t{1} << 25;

}  // namespace

FrameStrip decode_strip(const std::filesystem::path& file, const video::VideoInfo& info,
                        const video::FramePlan& plan, const std::stop_token& cancel) {
  ThreadPool pool(1);
  video::DecodeOptions options;
  options.threads = 1;
  video::Frames frames = video::decode_frames(file, info, plan, options, pool, cancel);
  const auto count = frames.rgb.dim(0), height = frames.rgb.dim(1), width = frames.rgb.dim(2);
  std::vector<uint8_t> wide(static_cast<size_t>(count * height * width * 3));
  const auto* from = frames.rgb.data<uint8_t>();
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t y = 0; y < height; ++y) {
      std::copy_n(from + (i * height + y) * width * 3, width * 3,
                  wide.data() + (y * count + i) * width * 3);
    }
  }
  FrameStrip strip;
  strip.width = static_cast<int>(width);
  strip.height = static_cast<int>(height);
  strip.jpeg = video::encode_jpeg(wide, static_cast<int>(count * width), static_cast<int>(height));
  for (const int64_t frame : frames.shown) strip.times.push_back(info.frame_time(frame));
  return strip;
}

FrameStrip planned_frames(const engine::Media& media, int64_t first, int64_t count,
                          const std::stop_token& cancel) {
  video::FramePlan plan = media.plan;
  const auto total = static_cast<int64_t>(plan.indices.size());
  CHECK(first >= 0 && first < total && count > 0);
  const int64_t room = std::min<int64_t>(kMaxJpegSide / plan.width,
                                         kMaxStripPixels / (int64_t{plan.width} * plan.height));
  count = std::min({count, total - first, std::max<int64_t>(room, 1)});
  const auto part = [&](auto& list) {
    list = {list.begin() + first, list.begin() + first + count};
  };
  part(plan.indices);
  part(plan.times);
  FrameStrip strip = decode_strip(media.path, media.video, plan, cancel);
  strip.times = std::move(plan.times);  // as the model was told them
  return strip;
}

http::HttpResponse strip_response(const FrameStrip& strip) {
  http::HttpResponse response;
  response.content_type = "image/jpeg";
  response.body = strip.jpeg;
  std::string times;
  for (const double time : strip.times) {
    times += fmt::format("{}{:.3f}", times.empty() ? "" : ",", time);
  }
  response.headers.emplace_back("X-Frame-Times", times);
  response.headers.emplace_back("X-Frame-Size", fmt::format("{}x{}", strip.width, strip.height));
  return response;
}

}  // namespace shijian::server
