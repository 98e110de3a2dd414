// Small pictures of a part of a video, and the times of its frames, for those who edit on a
// timeline.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "base/cancel.h"
#include "server/lru_cache.h"
#include "server/media_files.h"
#include "video/probe.h"

namespace shijian::server {

// The part [from, to) of a video's timeline, in seconds, in `count` slots of equal length.
struct ThumbnailRange {
  double from = 0;
  double to = 0;
  int count = 10;
  int height = 90;  // pixels
  int stream = video::kMainStream;
};

// Seconds in which cuts are looked for at once: every frame of them is decoded.
inline constexpr double kLongestCutSearch = 20;

// Returns the indices of `difference` (of each frame to the one before, 0 to 255) that exceed their
// neighbours by so much that they are cuts.
std::vector<size_t> cuts_among(const std::vector<double>& difference);

// For each slot a frame that is on screen in it: the one in its middle, and where a slot is so long
// that a key frame in it is as good, the key frame nearest to its middle.
video::FramePlan thumbnail_plan(const video::VideoInfo& info, const ThumbnailRange& range);

// Thread-safe. Keeps what it has read of files and the pictures that it has made, in memory; a
// video's id stands for its content.
class Thumbnails {
 public:
  // The errors of probe().
  std::shared_ptr<const video::VideoInfo> info(const std::string& id, int stream,
                                               const std::filesystem::path& file,
                                               const std::stop_token& cancel);
  // A `to` of 0 is the end of the video, and a larger one than that is as well. Fewer slots than
  // asked for where a JPEG cannot be as wide. `times` are those of the frames shown. Error(kUsage)
  // for an empty range; the errors of probe and decode.
  std::shared_ptr<const FrameStrip> strip(const std::string& id, const std::filesystem::path& file,
                                          ThumbnailRange range, const std::stop_token& cancel);
  // Where the picture changes at once in [from, to]: the times of the first frames after a cut.
  // Error(kUsage) for more than kLongestCutSearch seconds or too many frames.
  std::vector<double> cuts(const std::string& id, int stream, const std::filesystem::path& file,
                           double from, double to, const std::stop_token& cancel);

 private:
  LruCache<video::VideoInfo> infos_{size_t{64} << 20};
  LruCache<FrameStrip> strips_{size_t{64} << 20};
};

}  // namespace shijian::server
