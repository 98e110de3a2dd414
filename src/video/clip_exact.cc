// A clip whose pictures and sound are encoded again.
#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "base/error.h"
#include "video/clip_parts.h"
#include "video/clip_pictures.h"
#include "video/clip_sound.h"
#include "video/frame_reader.h"
#include "video/mp4_writer.h"

namespace shijian::video {
namespace {

// The frames of a part and when the clip shows them.
struct PartFrames {
  ClipSpan span;
  std::vector<int64_t> frames;  // of the source
  std::vector<int64_t> pts;     // [frames] ticks from the part's beginning
  int64_t end = 0;              // ticks
};

PartFrames choose_frames(const VideoInfo& info, const ClipSpan& wanted, AVRational time_base) {
  PartFrames part;
  const int64_t first = info.frame_at(wanted.from + kSameTime);
  part.span = {std::max(wanted.from, info.frame_time(first)), std::min(wanted.to, info.duration)};
  const double ticks = 1 / av_q2d(time_base);
  const int64_t begin = std::llround((part.span.from - info.start_time) * ticks);
  for (int64_t i = first; i < info.frame_count; ++i) {
    if (i > first && info.frame_time(i) >= part.span.to - kSameTime) break;
    const int64_t pts = i == first ? 0
                                   : av_rescale_q(info.frame_pts[i] - info.frame_pts.front(),
                                                  av(info.time_base), time_base) -
                                         begin;
    if (!part.pts.empty() && pts <= part.pts.back()) continue;  // two frames with one time
    part.frames.push_back(i);
    part.pts.push_back(pts);
  }
  const int64_t end = std::llround((part.span.to - part.span.from) * ticks);
  part.end = std::max(end, part.pts.back() + 1);
  return part;
}

class ExactClip {
 public:
  explicit ExactClip(const ClipRequest& request)
      : request_(request),
        time_base_(clip_time_base(av(request.info.time_base))),
        rotated_(request.video, request.cancel),
        pictures_(request.info, time_base_),
        mp4_(request.output, request.heartbeat),
        sound_(open_clip_sound(request.video, request.info, request.cancel, /*copy=*/false,
                               report_)) {}

  ClipResult write() {
    ClipResult result;
    for (const ClipSpan& wanted : request_.parts) {
      const PartFrames part = choose_frames(request_.info, wanted, time_base_);
      if (write_part(part)) result.parts.push_back(part.span);
    }
    if (!begun()) {
      throw Error(ErrorCode::kInvalid, "cut clip: no frame of this part can be decoded"_text,
                  "the file is damaged there: choose another part"_text);
    }
    pictures_.finish(picture_sink_);
    if (sound_) sound_->finish();
    mp4_.finish();
    result.sound = report_;
    return result;
  }

 private:
  bool begun() const { return track_ >= 0; }

  // A part without a picture is left out.
  bool write_part(const PartFrames& part) {
    FrameReader reader(request_.video, request_.info, part.frames, kCodecThreads, request_.cancel);
    reader.approach(part.frames.front());
    end_ = at_ + part.end;
    for (const int64_t pts : part.pts) planned_.push_back(at_ + pts);
    int64_t index = -1;
    bool shown = false;
    for (size_t next = 0; next < part.frames.size();) {
      const AVFrame* frame = reader.next(index);
      if (frame == nullptr) break;
      request_.heartbeat();
      // Past frames that did not decode: the one before stays on screen.
      while (next < part.frames.size() && part.frames[next] < index) ++next;
      if (next == part.frames.size() || part.frames[next] != index) continue;
      if (!begun()) begin(*frame);
      if (!shown && sound_) sound_->begin_part(part.span.from + clock_zero(request_.info));
      // Whatever came first begins the part.
      pictures_.encode(*frame, at_ + (shown ? part.pts[next] : 0), picture_sink_);
      shown = true;
      if (sound_) sound_->advance(static_cast<double>(part.pts[next]) * av_q2d(time_base_));
      ++next;
    }
    if (!shown) {
      planned_.resize(planned_.size() - part.pts.size());
      return false;
    }
    at_ = end_;
    if (sound_) sound_->end_part(static_cast<double>(part.end) * av_q2d(time_base_));
    return true;
  }

  void begin(const AVFrame& frame) {
    pictures_.open(frame);
    track_ = mp4_.add_track(*pictures_.encoder(), rotated_.video());
    if (sound_) sound_->add_to(mp4_);
  }

  // Says of a packet how long its picture is shown.
  void write_picture(AVPacket* packet) {
    const auto next = std::upper_bound(planned_.begin(), planned_.end(), packet->pts);
    packet->duration = std::max<int64_t>(1, (next == planned_.end() ? end_ : *next) - packet->pts);
    mp4_.write(packet, track_, time_base_);
  }

  const ClipRequest& request_;
  const AVRational time_base_;
  MediaInput rotated_;  // its video track says how the picture is turned
  ClipPictures pictures_;
  Mp4Writer mp4_;
  ClipSound report_;
  std::unique_ptr<ClipSoundTrack> sound_;
  int track_ = -1;
  int64_t at_ = 0, end_ = 0;      // ticks at which the present part begins and ends
  std::vector<int64_t> planned_;  // ticks of the pictures up to there, ascending
  const ClipPictures::Sink picture_sink_ = [this](AVPacket* packet) { write_picture(packet); };
};

}  // namespace

ClipResult encode_clip(const ClipRequest& request) { return ExactClip(request).write(); }

}  // namespace shijian::video
