#include "server/thumbnails.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "video/decode.h"

namespace shijian::server {
namespace {

// Seconds of a slot from which on a key frame stands for it: decoding up to its middle would cost
// more than anybody sees.
constexpr double kLongSlot = 4;

// The key frame nearest to `middle` on the timeline; -1 when none is within half a slot of it.
int64_t key_frame_near(const video::VideoInfo& info, double middle, double slot) {
  int64_t best = -1;
  double distance = slot / 2;
  const auto after = std::partition_point(
      info.key_frames.begin(), info.key_frames.end(),
      [&](const video::KeyFrame& key) { return info.frame_time(key.frame) < middle; });
  const auto consider = [&](int64_t frame) {
    const double away = std::abs(info.frame_time(frame) - middle);
    if (away >= distance) return;
    best = frame;
    distance = away;
  };
  if (after != info.key_frames.end()) consider(after->frame);
  if (after != info.key_frames.begin()) consider(std::prev(after)->frame);
  return best;
}

constexpr int kCutHeight = 36;      // pixels of the pictures that are compared
constexpr double kLeastCut = 18;    // mean difference of their values, of 255
constexpr double kCutOverRest = 4;  // times what goes on around it
constexpr int64_t kMostCutFrames = 3000;
constexpr size_t kAround = 6;  // frames to either side

// [n] Mean difference of each picture to the one before; 0 for the first.
std::vector<double> differences(const tensor::Tensor& rgb) {
  const auto count = static_cast<size_t>(rgb.dim(0));
  const auto size = static_cast<size_t>(rgb.dim(1) * rgb.dim(2) * rgb.dim(3));
  std::vector<double> difference(count);
  const auto* values = rgb.data<uint8_t>();
  for (size_t i = 1; i < count; ++i) {
    int64_t sum = 0;
    for (size_t at = i * size; at < (i + 1) * size; ++at) {
      sum += std::abs(values[at] - values[at - size]);
    }
    difference[i] = static_cast<double>(sum) / static_cast<double>(size);
  }
  return difference;
}

size_t bytes_of(const video::VideoInfo& info) {
  return sizeof info + info.frame_pts.size() * sizeof(int64_t) +
         info.key_frames.size() * sizeof(video::KeyFrame);
}

}  // namespace

std::vector<size_t> cuts_among(const std::vector<double>& difference) {
  std::vector<size_t> cuts;
  for (size_t i = 0; i < difference.size(); ++i) {
    if (difference[i] < kLeastCut) continue;
    double rest = 0;
    const size_t end = std::min(difference.size(), i + kAround + 1);
    for (size_t other = i - std::min(i, kAround); other < end; ++other) {
      if (other != i) rest = std::max(rest, difference[other]);
    }
    if (difference[i] >= kCutOverRest * rest) cuts.push_back(i);
  }
  return cuts;
}

video::FramePlan thumbnail_plan(const video::VideoInfo& info, const ThumbnailRange& range) {
  video::FramePlan plan;
  plan.height = std::min(range.height, std::max(2, info.height));
  plan.width = std::max<int>(2, static_cast<int>(int64_t{plan.height} * info.width / info.height));
  const int count = std::clamp(kMaxJpegSide / plan.width, 1, range.count);
  const double slot = (range.to - range.from) / count;
  for (int i = 0; i < count; ++i) {
    const double middle = range.from + (i + 0.5) * slot;
    int64_t frame = info.frame_at(middle);
    if (slot >= kLongSlot && !info.order_only) {
      const int64_t key = key_frame_near(info, middle, slot);
      if (key >= 0) frame = key;
    }
    plan.indices.push_back(frame);
    plan.times.push_back(info.frame_time(frame));
  }
  return plan;
}

std::shared_ptr<const video::VideoInfo> Thumbnails::info(const std::string& id, int stream,
                                                         const std::filesystem::path& file,
                                                         const std::stop_token& cancel) {
  const std::string key = fmt::format("{} {}", id, stream);
  if (auto known = infos_.find(key)) return known;
  auto info = std::make_shared<const video::VideoInfo>(video::probe(file, cancel, stream));
  infos_.put(key, info, bytes_of(*info));
  return info;
}

std::shared_ptr<const FrameStrip> Thumbnails::strip(const std::string& id,
                                                    const std::filesystem::path& file,
                                                    ThumbnailRange range,
                                                    const std::stop_token& cancel) {
  const auto video = info(id, range.stream, file, cancel);
  if (range.to == 0 || range.to > video->duration) range.to = video->duration;
  if (!(range.from >= 0 && range.from < range.to)) {
    throw Error(ErrorCode::kUsage,
                "thumbnails: nothing lies between {:.3f} and {:.3f} s"_text(range.from, range.to),
                "'from' and 'to' are seconds of the video, in that order"_text);
  }
  const std::string key = fmt::format("{} {} {:.6f} {:.6f} {} {}", id, range.stream, range.from,
                                      range.to, range.count, range.height);
  if (auto known = strips_.find(key)) return known;
  auto made = std::make_shared<const FrameStrip>(
      decode_strip(file, *video, thumbnail_plan(*video, range), cancel));
  strips_.put(key, made, made->jpeg.size() + made->times.size() * sizeof(double) + key.size());
  return made;
}

std::vector<double> Thumbnails::cuts(const std::string& id, int stream,
                                     const std::filesystem::path& file, double from, double to,
                                     const std::stop_token& cancel) {
  if (!(from >= 0 && from < to && to - from <= kLongestCutSearch)) {
    throw Error(
        ErrorCode::kUsage, "cuts: from {:.3f} to {:.3f} s"_text(from, to),
        "'from' and 'to' are seconds of the video, at most {} apart"_text(kLongestCutSearch));
  }
  const auto video = info(id, stream, file, cancel);
  video::FramePlan plan;
  plan.height = std::min(kCutHeight, std::max(2, video->height));
  plan.width = std::clamp<int>(
      static_cast<int>(int64_t{plan.height} * video->width / video->height), 2, 4 * kCutHeight);
  // With a few frames to either side, so that what stands out does so at the ends as well.
  const auto around = static_cast<int64_t>(kAround) + 1;
  const int64_t first = std::max<int64_t>(0, video->frame_at(from) - around);
  const int64_t last = std::min(video->frame_count - 1, video->frame_at(to) + around);
  if (last - first >= kMostCutFrames) {
    throw Error(ErrorCode::kUsage,
                "cuts: {} frames, at most {} are compared"_text(last - first + 1, kMostCutFrames),
                "ask about a shorter part"_text);
  }
  for (int64_t frame = first; frame <= last; ++frame) {
    plan.indices.push_back(frame);
    plan.times.push_back(video->frame_time(frame));
  }
  ThreadPool pool(1);
  video::DecodeOptions options;
  options.threads = 1;
  const video::Frames frames = video::decode_frames(file, *video, plan, options, pool, cancel);
  std::vector<double> times;
  for (const size_t cut : cuts_among(differences(frames.rgb))) {
    const double time = plan.times[cut];
    if (time >= from && time <= to) times.push_back(time);
  }
  return times;
}

}  // namespace shijian::server
