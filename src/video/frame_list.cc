#include "video/frame_list.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/error.h"
#include "video/clock_gaps.h"
#include "video/container_end.h"
#include "video/decoding_pass.h"
#include "video/frame_rate.h"
#include "video/packet_log.h"
#include "video/picture_headers.h"
#include "video/timeline.h"

namespace shijian::video {
namespace {

constexpr int64_t kMostChecks = 8;  // of places where the container lost something
constexpr int64_t kJoinPackets = 3;
constexpr int kMpegClockBits = 33;

bool known(int64_t stamp) { return stamp != AV_NOPTS_VALUE; }

std::vector<Rational> claimed_rates(const AVStream& stream) {
  return {{stream.avg_frame_rate.num, stream.avg_frame_rate.den},
          {stream.r_frame_rate.num, stream.r_frame_rate.den}};
}

// Where the container's clock stands at the first packet, shown or not.
int64_t first_stamp(const PacketLog& log, bool decoding_times) {
  constexpr int kDeepestReorder = 17;
  int64_t first = AV_NOPTS_VALUE;
  int after = 0;
  for (const PacketFacts& p : log.packets) {
    const int64_t stamp = decoding_times ? p.dts : p.pts;
    if (!p.shown || !known(stamp)) continue;
    if (known(first) && (p.key || ++after > kDeepestReorder))
      break;  // none of these is shown first
    if (!known(first) || stamp < first) first = stamp;
  }
  return first;
}

class FrameLister {
 public:
  FrameLister(const InputFile& file, MediaInput& input, VideoInfo& info,
              const std::stop_token& cancel, const StillAtWork& at_work)
      : file_(file), input_(input), info_(info), cancel_(cancel), at_work_(at_work) {}

  void run() {
    log_ = read_packet_log(input_);
    if (info_.start_timecode.empty()) info_.start_timecode = log_.timecode;
    if (log_.shown == 0) {
      throw Error(ErrorCode::kInvalid,
                  "open video {}: the video track holds no frame"_text(input_.name()),
                  "the file is damaged or cut short: copy or download it again"_text);
    }
    reorders_ = may_reorder(input_.video()->codecpar->codec_id);
    gaps_ = find_gaps(file_, input_, log_, cancel_, at_work_);
    decoding_times_ = lacks_presentation_times(log_);
    times_of_places_ = decoding_times_;
    info_.field_pairs = log_.field_pairs;
    origin_ = first_stamp(log_, decoding_times_);
    const FrameOrder order = frame_order();
    set_times(order);
    set_key_frames(order);
    set_rate(order);
    set_damage(order);
  }

 private:
  FrameOrder frame_order() {
    if (decoding_times_ && log_.starts_clean && !log_.doubtful && !log_.field_pairs) {
      // A player without presentation times shows a picture at each packet's time.
      info_.order_only = true;
      FrameOrder order;
      for (int64_t i = 0; i < std::ssize(log_.packets); ++i) {
        if (log_.packets[i].shown) order.packets.push_back(i);
      }
      return order;
    }
    FrameOrder order = order_by_clock(log_, reorders_, gaps_);
    // Some writers have the times of decoding alone, and give them for those of showing.
    const bool ascending = log_.bidirectional && !order.reordered && !order.missing &&
                           input_.video()->codecpar->video_delay > 0;
    const bool untold =
        log_.doubtful || ascending ||
        (reorders_ &&
         (order.missing || (order.reordered && (order.broken_group || order.repeated))));
    by_packet_ = untold || order.missing || order.repeated || !order.restarts.empty();
    if (untold) {
      std::vector<int64_t> decoded = decoded_frames(file_, log_, kMaxFrameCount, cancel_, at_work_);
      if (!decoded.empty()) {
        if (order.reordered && order.repeated && !order.missing && decoding_clock_stands(log_)) {
          take_decoding_times(decoded.front());
          order = order_by_clock(log_, false, gaps_);
        }
        times_of_places_ = times_of_places_ || ascending;
        return decoded_order(std::move(decoded), order);
      }
    } else if (!log_.starts_clean) {
      drop_undecodable_start(order);
    }
    return order;
  }

  // Where the clock stands, times of showing go to and fro by the distance from those of decoding.
  // `first`: the packet of the first frame.
  void take_decoding_times(int64_t first) {
    const int64_t delay = log_.packets[first].pts - log_.packets[first].dts;
    for (PacketFacts& p : log_.packets) {
      if (known(p.dts)) p.pts = p.dts + delay;
    }
    times_of_places_ = true;
    origin_ = first_stamp(log_, decoding_times_);
  }

  static FrameOrder decoded_order(std::vector<int64_t> decoded, const FrameOrder& by_clock) {
    FrameOrder order;
    order.packets = std::move(decoded);
    if (by_clock.broken_group || by_clock.missing) return order;  // the times alone tell
    for (const int64_t restart : by_clock.restarts) {
      const int64_t packet = by_clock.packets[restart];
      const auto first = std::find_if(order.packets.begin(), order.packets.end(),
                                      [&](int64_t number) { return number >= packet; });
      if (first != order.packets.begin() && first != order.packets.end()) {
        order.restarts.push_back(first - order.packets.begin());
      }
    }
    const auto repeated = std::unique(order.restarts.begin(), order.restarts.end());
    order.restarts.erase(repeated, order.restarts.end());
    return order;
  }

  // The file begins inside a group of pictures.
  void drop_undecodable_start(FrameOrder& order) const {
    const std::vector<int64_t> first = decoded_frames(file_, log_, 1, cancel_, at_work_);
    if (first.empty()) return;
    const auto at = std::find(order.packets.begin(), order.packets.end(), first.front());
    if (at == order.packets.end()) return;
    const int64_t dropped = at - order.packets.begin();
    order.packets.erase(order.packets.begin(), at);
    std::erase_if(order.restarts, [&](int64_t frame) { return frame <= dropped; });
    for (int64_t& frame : order.restarts) frame -= dropped;
  }

  int64_t stamp_of(const PacketFacts& packet) const {
    return decoding_times_ ? packet.dts : packet.pts;
  }

  // The clock's times of the frames, in their order.
  std::vector<int64_t> stamps_of(const FrameOrder& order) const {
    std::vector<int64_t> stamps;
    stamps.reserve(order.packets.size());
    for (const int64_t number : order.packets) {
      stamps.push_back(stamp_of(log_.packets[number]));
    }
    if (!times_of_places_) return stamps;
    // Reordering moves pictures among the places that there are, of which those that are lost at
    // the start of an open group come first.
    const std::vector<int64_t> lost = leading_stamps(order);
    const int64_t count = std::ssize(lost);
    stamps.insert(stamps.begin(), lost.begin(), lost.end());
    auto begin = stamps.begin();
    for (const int64_t restart : order.restarts) {
      std::sort(begin, stamps.begin() + count + restart);
      begin = stamps.begin() + count + restart;
    }
    std::sort(begin, stamps.end());
    stamps.erase(stamps.begin(), stamps.begin() + count);
    return stamps;
  }

  // Of the B-pictures that follow the first frame's packet and cannot be decoded, as they refer to
  // what lies before the file's start.
  std::vector<int64_t> leading_stamps(const FrameOrder& order) const {
    std::vector<int64_t> stamps;
    if (info_.order_only) return stamps;
    for (int64_t i = order.packets.front() + 1; i < std::ssize(log_.packets); ++i) {
      const PacketFacts& p = log_.packets[i];
      if (!p.shown) continue;
      const bool decoded =
          std::find(order.packets.begin(), order.packets.end(), i) != order.packets.end();
      if (!p.bidirectional || decoded) break;
      stamps.push_back(stamp_of(p));
    }
    return stamps;
  }

  void set_times(const FrameOrder& order) {
    info_.frame_count = std::ssize(order.packets);
    info_.frame_pts = stamps_of(order);
    std::vector<MendedPlace> mended;
    if (by_packet_) {
      info_.frame_packets = order.packets;
      Timeline timeline = mend_clock(info_.frame_pts, order, info_.time_base,
                                     claimed_rates(*input_.video()), gaps_);
      info_.frame_pts = std::move(timeline.ticks);
      mended = std::move(timeline.mended);
    }
    const double tick = info_.time_base.value();
    const double first = static_cast<double>(info_.frame_pts.front()) * tick;
    info_.start_time = first - timeline_origin(first);
    for (const MendedPlace& place : mended) {
      const double at = static_cast<double>(info_.frame_pts[place.frame]) * tick;
      info_.clock_jumps.push_back({info_.start_time + at - first, place.shift * tick});
    }
    last_duration_ = log_.packets[order.packets.back()].duration;
    if (log_.field_pairs) last_duration_ = 0;  // a field's
  }

  // Where the timeline begins, in seconds of the container's clock. Other programmes have clocks of
  // their own.
  double timeline_origin(double first_frame) const {
    AVFormatContext& format = *input_.format();
    double origin = first_frame;
    if (known(origin_)) {
      origin = std::min(origin, static_cast<double>(origin_) * info_.time_base.value());
    }
    for (unsigned i = 0; i < format.nb_streams; ++i) {
      const AVStream& s = *format.streams[i];
      if (s.codecpar->codec_type != AVMEDIA_TYPE_AUDIO || s.start_time == AV_NOPTS_VALUE) continue;
      if (!input_.same_programme(*input_.video(), s)) continue;
      double start = static_cast<double>(s.start_time) * av_q2d(s.time_base);
      // What lies before 0 is an encoder's priming, but where MPEG's clock has wrapped.
      if (s.pts_wrap_bits != kMpegClockBits) start = std::max(0.0, start);
      origin = std::min(origin, start);
    }
    return origin;
  }

  void set_key_frames(const FrameOrder& order) {
    for (int64_t frame = 0; frame < info_.frame_count; ++frame) {
      const int64_t number = order.packets[frame];
      const PacketFacts& p = log_.packets[number];
      if (!p.key) continue;
      const int64_t pts = info_.frame_pts[frame];
      const int64_t dts = known(p.dts) && !by_packet_ ? p.dts : pts;
      info_.key_frames.push_back({frame, pts, dts, number});
    }
  }

  // At a cut some of the last frames lack their neighbours in presentation order. A few frames are
  // given up where that makes the rate constant.
  RateEstimate estimate(const FrameOrder& order) {
    const std::vector<Rational> claimed = claimed_rates(*input_.video());
    RateEstimate rate = estimate_rate(info_.frame_pts, info_.time_base, claimed, last_duration_);
    const bool cut_short = end_ == FileEnd::kEarly || end_ == FileEnd::kInside || input_.damaged();
    if (rate.constant || !reorders_ || (!cut_short && end_ == FileEnd::kWhole)) return rate;
    constexpr size_t kGiveUp = 16;
    std::vector<int64_t> kept = info_.frame_pts;
    for (size_t i = 0; i < kGiveUp && kept.size() > 2; ++i) {
      kept.pop_back();
      const RateEstimate shorter = estimate_rate(kept, info_.time_base, claimed, last_duration_);
      if (!shorter.constant) continue;
      if (!cut_short) {
        const double step = 1 / (shorter.rate.value() * info_.time_base.value());
        if (!lacks_neighbours(log_, order, std::ssize(kept), step)) return rate;
        ends_inside_group_ = true;
      }
      info_.frame_pts = std::move(kept);
      info_.frame_count = std::ssize(info_.frame_pts);
      if (by_packet_) info_.frame_packets.resize(info_.frame_count);
      std::erase_if(info_.key_frames,
                    [&](const KeyFrame& k) { return k.frame >= info_.frame_count; });
      return shorter;
    }
    return rate;
  }

  void set_rate(const FrameOrder& order) {
    const AVFormatContext& format = *input_.format();
    if (format.nb_programs <= 1 && format.duration != AV_NOPTS_VALUE &&
        format.duration_estimation_method != AVFMT_DURATION_FROM_BITRATE) {
      info_.container_duration = static_cast<double>(format.duration) / AV_TIME_BASE;
    }
    end_ = find_end(file_);
    const RateEstimate rate = estimate(order);
    info_.frame_rate = rate.rate;
    info_.variable_rate = !rate.constant;
    if (rate.constant && !last_picture_stays()) {
      info_.duration = info_.frame_time(info_.frame_count);
      return;
    }
    info_.variable_rate = true;
    const double last = info_.frame_time(info_.frame_count - 1);
    double shown = last_duration_ > 0
                       ? static_cast<double>(last_duration_) * info_.time_base.value()
                       : usual_stay();
    // How long the last frame stays is the one number that nothing else confirms.
    if (info_.container_duration > last) shown = std::min(shown, info_.container_duration - last);
    info_.duration = last + shown;
  }

  // Seconds from one frame to the next as they usually are: stills do not count.
  double usual_stay() const {
    const int64_t gap = usual_gap(info_.frame_pts);
    if (gap == 0) return 1 / info_.frame_rate.value();
    return static_cast<double>(gap) * info_.time_base.value();
  }

  // As at the end of a screen recording: packet and header agree that it is shown for longer than
  // the frames before it. The header of a file that lacks its end is not about this picture.
  bool last_picture_stays() const {
    const double stays = static_cast<double>(last_duration_) * info_.time_base.value();
    const double frame = 1 / info_.frame_rate.value();
    const double last = info_.frame_time(info_.frame_count - 1);
    return end_ != FileEnd::kEarly && info_.frame_count > 1 && stays > 2 * frame &&
           claimed_end() > last + stays - frame;
  }

  // Seconds on the timeline at which the header lets the video track end; 0 when it does not say.
  double claimed_end() const {
    const AVStream& stream = *input_.video();
    if (stream.duration == AV_NOPTS_VALUE) return info_.container_duration;
    return info_.start_time + static_cast<double>(stream.duration) * info_.time_base.value();
  }

  // What the header claims is no damage by itself: other tracks may be longer, and it may be wrong.
  void set_damage(const FrameOrder& order) {
    const double claimed = claimed_end();
    const bool less = info_.duration < claimed - 0.5 / info_.frame_rate.value();
    const bool early = end_ == FileEnd::kEarly && (claimed <= 0 || less);
    const bool lacks_end = early || end_ == FileEnd::kInside || ends_inside_group_;
    const bool lacks_parts = input_.damaged() || (!lacks_end && lost_something(order));
    info_.damaged = lacks_end || lacks_parts;
    if (lacks_end) {
      info_.notes.push_back(
          fmt::format("damaged or cut short: {} frames up to {:.3f} s can be read{}",
                      info_.frame_count, info_.duration,
                      early && less ? fmt::format(" (the header says {:.3f} s)", claimed) : ""));
    } else if (lacks_parts) {
      info_.notes.push_back("damaged: parts of the file were skipped");
    }
    if (!info_.clock_jumps.empty()) {
      info_.notes.push_back(fmt::format(
          "the file's clock jumps or stands still {} times, first at {:.3f} s: times go "
          "on from frame to frame",
          info_.clock_jumps.size(), info_.clock_jumps.front().time));
    }
  }

  // Whether the container missed something that the decoder misses too. Where files were joined,
  // the container alone does.
  bool lost_something(const FrameOrder& order) const {
    std::vector<int64_t> places;
    for (int64_t i = 0; i < std::ssize(log_.packets); ++i) {
      if (!log_.packets[i].suspect) continue;
      const bool join = std::any_of(
          order.restarts.begin(), order.restarts.end(),
          [&](int64_t frame) { return std::abs(order.packets[frame] - i) <= kJoinPackets; });
      if (!join) places.push_back(i);
    }
    if (places.empty()) return false;
    return std::ssize(places) > kMostChecks ||
           !decodes_around(file_, log_, places, cancel_, at_work_);
  }

  const InputFile& file_;
  MediaInput& input_;
  VideoInfo& info_;
  const std::stop_token& cancel_;
  const StillAtWork& at_work_;
  PacketLog log_;
  ClockGaps gaps_;
  int64_t origin_ = AV_NOPTS_VALUE;  // ticks
  int64_t last_duration_ = 0;        // ticks; 0 when unknown
  bool reorders_ = false;
  bool decoding_times_ = false;   // packets say when they are decoded alone
  bool times_of_places_ = false;  // their times, in order, are those of the frames
  bool by_packet_ = false;
  FileEnd end_ = FileEnd::kUntold;
  bool ends_inside_group_ = false;  // of pictures, where the container does not say where it ends
};

}  // namespace

void list_frames(const InputFile& file, MediaInput& input, VideoInfo& info,
                 const std::stop_token& cancel, const StillAtWork& at_work) {
  FrameLister(file, input, info, cancel, at_work).run();
}

}  // namespace shijian::video
