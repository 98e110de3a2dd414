// A clip whose packets are copied.
#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "base/error.h"
#include "video/clip_parts.h"
#include "video/clip_sound.h"
#include "video/mp4_writer.h"

namespace shijian::video {
namespace {

void check_codec(const AVStream& stream) {
  const AVCodecID id = stream.codecpar->codec_id;
  const AVOutputFormat* mp4 = av_guess_format("mp4", nullptr, nullptr);
  if (mp4 != nullptr && avformat_query_codec(mp4, id, FF_COMPLIANCE_NORMAL) == 1) return;
  throw Error(ErrorCode::kUnsupported,
              "cut clip: MP4 does not hold {} as it is"_text(avcodec_get_name(id)),
              "ask for mode=exact"_text);
}

// Reads from the key frame on, or from before it.
std::unique_ptr<MediaInput> open_at(const InputFile& video, const KeyFrame& key,
                                    const std::stop_token& cancel) {
  auto input = std::make_unique<MediaInput>(video, cancel);
  const bool by_pts = input->format()->iformat->flags & AVFMT_SEEK_TO_PTS;
  const int64_t place = by_pts ? key.pts : std::min(key.pts, key.dts);
  const PacketPtr packet = make_packet();
  if (input->seek(place) && input->read(packet.get()) && packet->pts != AV_NOPTS_VALUE &&
      packet->pts <= key.pts && input->seek(place)) {
    return input;
  }
  return std::make_unique<MediaInput>(video, cancel);  // the file's index is no help
}

class FastClip {
 public:
  explicit FastClip(const ClipRequest& request)
      : request_(request),
        info_(request.info),
        tick_(info_.time_base.value()),
        time_base_(clip_time_base(av(info_.time_base))),
        frame_ticks_(std::llround(1 / (info_.frame_rate.value() * av_q2d(time_base_)))),
        whole_(request.parts.size() == 1),
        mp4_(request.output, request.heartbeat),
        sound_(open_clip_sound(request.video, request.info, request.cancel, /*copy=*/whole_,
                               report_)) {}

  ClipResult write() {
    ClipResult result;
    for (const ClipSpan& wanted : request_.parts) result.parts.push_back(copy_part(wanted));
    if (sound_) sound_->finish();
    mp4_.finish();
    result.sound = report_;
    return result;
  }

 private:
  KeyFrame key_before(int64_t frame) const {
    auto key = std::upper_bound(info_.key_frames.begin(), info_.key_frames.end(), frame,
                                [](int64_t f, const KeyFrame& k) { return f < k.frame; });
    if (info_.order_only || !info_.frame_packets.empty()) {
      throw Error(
          ErrorCode::kUnsupported,
          info_.order_only
              ? Text("cut clip: the file has no presentation times to copy"_text)
              : Text("cut clip: the file's clock jumps, stands or is missing in places"_text),
          "ask for mode=exact"_text);
    }
    if (key == info_.key_frames.begin()) {
      throw Error(ErrorCode::kUnsupported, "cut clip: there is no key frame before this part"_text,
                  "ask for mode=exact"_text);
    }
    return *--key;
  }

  // Ticks of the clip's track for a time stamp of the source, and for a time of its timeline.
  int64_t ticks_of(int64_t pts) const { return av_rescale_q(pts, av(info_.time_base), time_base_); }
  int64_t ticks_at(double seconds) const {
    return ticks_of(info_.frame_pts.front()) +
           std::llround((seconds - info_.start_time) / av_q2d(time_base_));
  }

  int64_t next_frame(int64_t pts) const {
    return std::upper_bound(info_.frame_pts.begin(), info_.frame_pts.end(), pts) -
           info_.frame_pts.begin();
  }
  // The tick of the clip's track at which a picture of the source has been shown: one that begins
  // before `to` stays no longer than until then.
  int64_t end_of(int64_t pts, double to) const {
    const int64_t after = next_frame(pts), begin = ticks_of(pts), stop = ticks_at(to);
    const int64_t end = after < info_.frame_count
                            ? ticks_of(info_.frame_pts[static_cast<size_t>(after)])
                            : ticks_at(info_.duration);
    return std::max(begin + 1, begin < stop ? std::min(end, stop) : end);
  }

  ClipSpan copy_part(const ClipSpan& wanted) {
    const int64_t first = info_.frame_at(wanted.from + kSameTime);
    const KeyFrame key = key_before(first);
    ClipSpan span;
    int64_t zero = ticks_of(key.pts);  // the tick that is the beginning of the part
    if (whole_) {
      span.from = std::max(wanted.from, info_.frame_time(first));
      zero = std::max(ticks_at(span.from), ticks_of(info_.frame_pts[first]));
    } else {
      span.from = info_.frame_time(key.frame);
    }
    if (sound_) sound_->begin_part(static_cast<double>(zero) * av_q2d(time_base_));
    const int64_t last = copy_pictures(key, first, zero, wanted.to);
    const int64_t after = next_frame(last);
    span.to = after < info_.frame_count ? info_.frame_time(after) : info_.duration;
    if (info_.frame_time(after - 1) < wanted.to) span.to = std::min(span.to, wanted.to);
    const int64_t end = end_of(last, wanted.to);
    if (sound_) sound_->end_part(static_cast<double>(end - zero) * av_q2d(time_base_));
    at_ += end - zero;
    return span;
  }

  // Returns the presentation time of the last picture, in ticks of the source.
  int64_t copy_pictures(const KeyFrame& key, int64_t first, int64_t zero, double wanted_to) {
    const auto input = open_at(request_.video, key, request_.cancel);
    const AVStream& pictures = *input->video();
    if (track_ < 0) {
      check_codec(pictures);
      track_ = mp4_.add_track(*pictures.codecpar, time_base_, &pictures);
      if (sound_) sound_->add_to(mp4_);
    }
    const double to = wanted_to + clock_zero(info_) - kSameTime;
    int64_t last = key.pts;
    bool started = false;
    int64_t decoded = 0;  // packets from the key frame on
    const PacketPtr packet = make_packet();
    while (input->read(packet.get())) {
      request_.heartbeat();
      if (packet->pts == AV_NOPTS_VALUE) continue;
      const int64_t at = packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts;
      // A frame is decoded no later than it is shown: what comes now is after the end, but for
      // frames that are shown before one that is there already.
      if (started && static_cast<double>(at) * tick_ >= to && packet->pts > last) break;
      started = started || packet->pts == key.pts;
      if (started) ++decoded;
      // Frames shown before their key frame refer to what is left out.
      if (!started || packet->pts < key.pts) continue;
      last = std::max(last, packet->pts);
      const bool begins = packet->pts == info_.frame_pts[first];
      const int64_t end = end_of(packet->pts, wanted_to);
      av_packet_rescale_ts(packet.get(), pictures.time_base, time_base_);
      if (packet->dts == AV_NOPTS_VALUE) {
        // Matroska has no decoding times, and libavformat knows them from the reordering on alone.
        const int64_t early = pictures.codecpar->video_delay - (decoded - 1);
        packet->dts = std::min(packet->pts, ticks_of(key.pts) - early * frame_ticks_);
      }
      // The frame on screen at the beginning is shown from there on, those before are not.
      if (begins) packet->pts = std::max(packet->pts, zero);
      packet->duration = std::max<int64_t>(1, end - packet->pts);
      if (sound_) {
        sound_->advance(std::min(static_cast<double>(at) * tick_, to) -
                        static_cast<double>(zero) * av_q2d(time_base_));
      }
      write_picture(*packet, zero);
    }
    if (!started) {
      throw Error(ErrorCode::kInvalid, "cut clip: the key frame of this part cannot be read"_text,
                  "ask for mode=exact"_text);
    }
    return last;
  }

  void write_picture(AVPacket& packet, int64_t zero) {
    packet.dts = std::max(packet.dts + at_ - zero, next_dts_);
    packet.pts = std::max(packet.pts + at_ - zero, packet.dts);
    next_dts_ = packet.dts + 1;
    mp4_.write(&packet, track_, time_base_);
  }

  const ClipRequest& request_;
  const VideoInfo& info_;
  const double tick_;           // seconds, of the source
  const AVRational time_base_;  // of the clip's pictures
  const int64_t frame_ticks_;   // of them, from one to the next
  const bool whole_;            // one part, which an edit list trims
  Mp4Writer mp4_;
  ClipSound report_;
  std::unique_ptr<ClipSoundTrack> sound_;
  int track_ = -1;
  int64_t at_ = 0;  // ticks of the clip at which the present part begins
  int64_t next_dts_ = INT64_MIN;
};

}  // namespace

ClipResult copy_clip(const ClipRequest& request) { return FastClip(request).write(); }

}  // namespace shijian::video
