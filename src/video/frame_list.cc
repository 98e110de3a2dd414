#include "video/frame_list.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "video/clock_gaps.h"
#include "video/decoding_pass.h"
#include "video/extent.h"
#include "video/frame_rate.h"
#include "video/packet_log.h"
#include "video/picture_headers.h"
#include "video/timeline.h"

namespace shijian::video {
namespace {

constexpr int kMpegClockBits = 33;

bool known(int64_t stamp) { return stamp != AV_NOPTS_VALUE; }

// Returns the earliest time stamp of the leading packets, decodable or not.
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
              const std::stop_token& cancel, const Heartbeat& heartbeat)
      : file_(file), input_(input), info_(info), cancel_(cancel), heartbeat_(heartbeat) {}

  void run() {
    log_ = read_packet_log(input_);
    if (info_.start_timecode.empty()) info_.start_timecode = log_.timecode;
    if (log_.shown == 0) {
      throw Error(ErrorCode::kInvalid,
                  "open video {}: the video track holds no frame"_text(input_.name()),
                  "the file is damaged or cut short: copy or download it again"_text);
    }
    reorders_ = may_reorder(input_.video()->codecpar->codec_id);
    gaps_ = find_gaps(file_, input_, log_, cancel_, heartbeat_);
    decoding_times_ = lacks_presentation_times(log_);
    sort_times_ = decoding_times_;
    info_.field_pairs = log_.field_pairs;
    origin_ = first_stamp(log_, decoding_times_);
    const FrameOrder order = frame_order();
    set_times(order);
    set_key_frames(order);
    const ListedFrames frames{log_, order, reorders_, last_duration_};
    set_extent(file_, input_, frames, info_, cancel_, heartbeat_);
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
    // Some muxers know decoding times alone and write them as presentation times.
    const bool ascending = log_.bidirectional && !order.reordered && !order.missing &&
                           input_.video()->codecpar->video_delay > 0;
    const bool needs_decoding =
        log_.doubtful || ascending ||
        (reorders_ &&
         (order.missing || (order.reordered && (order.broken_group || order.repeated))));
    identify_by_packet_ =
        needs_decoding || order.missing || order.repeated || !order.restarts.empty();
    if (needs_decoding) {
      std::vector<int64_t> decoded =
          decoded_frames(file_, log_, kMaxFrameCount, cancel_, heartbeat_);
      if (!decoded.empty()) {
        if (order.reordered && order.repeated && !order.missing && decoding_clock_stands(log_)) {
          take_decoding_times(decoded.front());
          order = order_by_clock(log_, false, gaps_);
        }
        sort_times_ = sort_times_ || ascending;
        return decoded_order(std::move(decoded), order);
      }
    } else if (!log_.starts_clean) {
      drop_undecodable_start(order);
    }
    return order;
  }

  // Replaces presentation times by decoding times plus a constant delay, for a file whose decoding
  // clock stands still in places. `first` is the packet of the first frame.
  void take_decoding_times(int64_t first) {
    const int64_t delay = log_.packets[first].pts - log_.packets[first].dts;
    for (PacketFacts& p : log_.packets) {
      if (known(p.dts)) p.pts = p.dts + delay;
    }
    sort_times_ = true;
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
    const std::vector<int64_t> first = decoded_frames(file_, log_, 1, cancel_, heartbeat_);
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
    if (!sort_times_) return stamps;
    // Reordering permutes the pictures over a fixed set of times. Pictures that are lost at the
    // start of an open group take the first of these times.
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

  // Returns the time stamps of the B-pictures that follow the first frame's packet and cannot be
  // decoded, since they refer to pictures before the file's start.
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
    if (identify_by_packet_) {
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
      const int64_t dts = known(p.dts) && !identify_by_packet_ ? p.dts : pts;
      info_.key_frames.push_back({frame, pts, dts, number});
    }
  }

  const InputFile& file_;
  MediaInput& input_;
  VideoInfo& info_;
  const std::stop_token& cancel_;
  const Heartbeat& heartbeat_;
  PacketLog log_;
  ClockGaps gaps_;
  int64_t origin_ = AV_NOPTS_VALUE;  // ticks
  int64_t last_duration_ = 0;        // ticks; 0 when unknown
  bool reorders_ = false;
  bool decoding_times_ = false;      // packets have decoding times alone
  bool sort_times_ = false;          // the sorted packet times are the times of the frames
  bool identify_by_packet_ = false;  // frames are identified by packet number, not by time
};

}  // namespace

void list_frames(const InputFile& file, MediaInput& input, VideoInfo& info,
                 const std::stop_token& cancel, const Heartbeat& heartbeat) {
  FrameLister(file, input, info, cancel, heartbeat).run();
}

}  // namespace shijian::video
