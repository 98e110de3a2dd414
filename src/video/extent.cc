#include "video/extent.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "video/avi_chunks.h"
#include "video/container_end.h"
#include "video/container_walk.h"
#include "video/decoding_pass.h"
#include "video/frame_rate.h"
#include "video/transport_loss.h"

namespace shijian::video {
namespace {

// Most of the places where the container lost something that are decoded, evenly spread: segments
// that were joined have one at each joint.
constexpr int64_t kMostChecks = 16;
constexpr int64_t kJoinPackets = 3;

class Extent {
 public:
  Extent(const InputFile& file, MediaInput& input, const ListedFrames& frames, VideoInfo& info,
         const std::stop_token& cancel, const Heartbeat& heartbeat)
      : file_(file),
        input_(input),
        frames_(frames),
        info_(info),
        cancel_(cancel),
        heartbeat_(heartbeat) {}

  void run() {
    end_ = find_end(file_);
    unfinished_ = is_unfinished(file_);
    set_rate();
    set_damage();
  }

 private:
  // At a cut some of the last frames lack their neighbours in presentation order. A few frames are
  // given up where that makes the rate constant.
  RateEstimate estimate() {
    const std::vector<Rational> claimed = claimed_rates(*input_.video());
    RateEstimate rate =
        estimate_rate(info_.frame_pts, info_.time_base, claimed, frames_.last_duration);
    const bool cut_short =
        end_ == FileEnd::kEarly || end_ == FileEnd::kTruncated || input_.damaged();
    if (rate.constant || !frames_.reorders || (!cut_short && end_ == FileEnd::kWhole)) return rate;
    constexpr size_t kGiveUp = 16;
    std::vector<int64_t> kept = info_.frame_pts;
    for (size_t i = 0; i < kGiveUp && kept.size() > 2; ++i) {
      kept.pop_back();
      const RateEstimate shorter =
          estimate_rate(kept, info_.time_base, claimed, frames_.last_duration);
      if (!shorter.constant) continue;
      if (!cut_short) {
        const double step = 1 / (shorter.rate.value() * info_.time_base.value());
        if (!lacks_neighbours(frames_.log, frames_.order, std::ssize(kept), step)) return rate;
        ends_inside_group_ = true;
      }
      info_.frame_pts = std::move(kept);
      info_.frame_count = std::ssize(info_.frame_pts);
      if (!info_.frame_packets.empty()) info_.frame_packets.resize(info_.frame_count);
      std::erase_if(info_.key_frames,
                    [&](const KeyFrame& k) { return k.frame >= info_.frame_count; });
      return shorter;
    }
    return rate;
  }

  void set_rate() {
    const AVFormatContext& format = *input_.format();
    if (!unfinished_ && format.nb_programs <= 1 && format.duration != AV_NOPTS_VALUE &&
        format.duration_estimation_method != AVFMT_DURATION_FROM_BITRATE) {
      info_.container_duration = static_cast<double>(format.duration) / AV_TIME_BASE;
    }
    const RateEstimate rate = estimate();
    info_.frame_rate = rate.rate;
    info_.variable_rate = !rate.constant;
    const double dropped = dropped_after_last();
    if (rate.constant && dropped <= 0 && !last_picture_stays()) {
      info_.duration = info_.frame_time(info_.frame_count);
      return;
    }
    info_.variable_rate = true;
    const double last = info_.frame_time(info_.frame_count - 1);
    double shown = frames_.last_duration > 0
                       ? static_cast<double>(frames_.last_duration) * info_.time_base.value()
                       : usual_stay();
    // How long the last frame stays is the one number that nothing else confirms.
    if (info_.container_duration > last) shown = std::min(shown, info_.container_duration - last);
    info_.duration = last + std::max(shown, dropped);
  }

  // Returns the seconds from the last frame to the end of the empty chunks behind it, which stand
  // in AVI for frames that a recorder dropped; 0 when that is no longer than a frame lasts. Looks
  // where a header claims more.
  double dropped_after_last() const {
    const double last = info_.frame_time(info_.frame_count - 1);
    const double longer = 1.5 / info_.frame_rate.value();
    if (info_.container != "avi" || claimed_end() < last + longer) return 0;
    const auto chunks = static_cast<double>(dropped_at_end(file_, info_.stream) + 1);
    const double stays = chunks * info_.time_base.value();
    return stays > longer ? stays : 0;
  }

  // Seconds from one frame to the next as they usually are: stills do not count.
  double usual_stay() const {
    const int64_t gap = usual_gap(info_.frame_pts);
    if (gap == 0) return 1 / info_.frame_rate.value();
    return static_cast<double>(gap) * info_.time_base.value();
  }

  // Returns whether packet and header agree that the last frame is shown longer than the others, as
  // at the end of a screen recording. Ignores a truncated file, whose header describes lost frames.
  bool last_picture_stays() const {
    const double stays = static_cast<double>(frames_.last_duration) * info_.time_base.value();
    const double frame = 1 / info_.frame_rate.value();
    const double last = info_.frame_time(info_.frame_count - 1);
    const bool cut = end_ == FileEnd::kEarly || end_ == FileEnd::kTruncated;
    return !cut && info_.frame_count > 1 && stays > 2 * frame &&
           claimed_end() > last + stays - frame;
  }

  // Seconds on the timeline at which the header lets the video track end; 0 when it does not say.
  double claimed_end() const {
    if (unfinished_) return 0;
    const AVStream& stream = *input_.video();
    if (stream.duration == AV_NOPTS_VALUE) return info_.container_duration;
    return info_.start_time + static_cast<double>(stream.duration) * info_.time_base.value();
  }

  // Returns whether the claimed end was read from a header, not told from a file's size or its end.
  bool claim_is_of_header() const {
    return input_.format()->duration_estimation_method == AVFMT_DURATION_FROM_STREAM;
  }

  // What the header claims is no damage by itself: other tracks may be longer, and it may be wrong.
  void set_damage() {
    const double claimed = claimed_end();
    const bool less = info_.duration < claimed - 0.5 / info_.frame_rate.value();
    const bool early = end_ == FileEnd::kEarly && (claimed <= 0 || less);
    const bool lacks_end = early || end_ == FileEnd::kTruncated || ends_inside_group_;
    const bool lacks_parts = input_.damaged() || (!lacks_end && lost_something());
    info_.damaged = lacks_end || lacks_parts;
    if (lacks_end) {
      const bool header_says_more = less && (early || claim_is_of_header());
      info_.notes.push_back(
          header_says_more
              ? "damaged or cut short: {} frames up to {:.3f} s can be read (the header says {:.3f} s)"_text(
                    info_.frame_count, info_.duration, claimed)
              : "damaged or cut short: {} frames up to {:.3f} s can be read"_text(info_.frame_count,
                                                                                  info_.duration));
    } else if (lacks_parts) {
      info_.notes.push_back("damaged: parts of the file were skipped"_text);
    }
    info_.followed = is_followed_by_file(FileBytes(file_));
    if (info_.followed) {
      info_.notes.push_back("another file is joined to this one, and only the first is read"_text);
    }
    if (!info_.clock_jumps.empty()) {
      info_.notes.push_back(
          "the file's clock jumps or stands still {} times, first at {:.3f} s: times go on from frame to frame"_text(
              info_.clock_jumps.size(), info_.clock_jumps.front().time));
    }
  }

  // Whether the container missed something that the decoder misses too. Where files were joined,
  // the container alone does.
  bool lost_something() const {
    std::vector<int64_t> places;
    for (int64_t i = 0; i < std::ssize(frames_.log.packets); ++i) {
      if (!frames_.log.packets[i].suspect) continue;
      const bool join = std::any_of(
          frames_.order.restarts.begin(), frames_.order.restarts.end(), [&](int64_t frame) {
            return std::abs(frames_.order.packets[frame] - i) <= kJoinPackets;
          });
      if (!join) places.push_back(i);
    }
    if (places.empty()) return false;
    // A picture that lacks its middle may decode all the same.
    if (std::string_view(input_.format()->iformat->name) == "mpegts" &&
        lacks_packets(MappedFile(file_.fd(), file_.name()).bytes(), input_.video()->id)) {
      return true;
    }
    const int64_t count = std::min(std::ssize(places), kMostChecks);
    for (int64_t i = 0; i < count; ++i) places[i] = places[i * std::ssize(places) / count];
    places.resize(count);
    return !decodes_around(file_, frames_.log, places, cancel_, heartbeat_);
  }

  const InputFile& file_;
  MediaInput& input_;
  const ListedFrames& frames_;
  VideoInfo& info_;
  const std::stop_token& cancel_;
  const Heartbeat& heartbeat_;
  FileEnd end_ = FileEnd::kUnknown;
  bool unfinished_ = false;         // the header was written before there was anything to claim
  bool ends_inside_group_ = false;  // of pictures, where the container does not say where it ends
};

}  // namespace

std::vector<Rational> claimed_rates(const AVStream& stream) {
  return {{stream.avg_frame_rate.num, stream.avg_frame_rate.den},
          {stream.r_frame_rate.num, stream.r_frame_rate.den}};
}

void set_extent(const InputFile& file, MediaInput& input, const ListedFrames& frames,
                VideoInfo& info, const std::stop_token& cancel, const Heartbeat& heartbeat) {
  Extent(file, input, frames, info, cancel, heartbeat).run();
}

}  // namespace shijian::video
