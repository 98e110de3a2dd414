#include "video/clip.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "base/error.h"
#include "video/calls.h"
#include "video/clip_audio.h"
#include "video/clip_pictures.h"
#include "video/frame_reader.h"
#include "video/mp4_writer.h"
#include "video/sandboxed_calls.h"

namespace shijian {
namespace {

constexpr double kSameTime = 0.0005;  // seconds: times that people read have three decimals
constexpr int kThreads = 2;
// Sound lies at most this far behind its pictures in a file.
constexpr double kInterleave = 10;
constexpr int kMaxTicks = 1000000, kMinTicks = 10000;  // of a second, in an exact clip

AVRational av(Rational r) { return {static_cast<int>(r.num), static_cast<int>(r.den)}; }

// The source's own ticks, divided where they are too coarse for a beginning between two frames.
AVRational clip_time_base(AVRational source) {
  if (av_q2d(source) * kMaxTicks < 1) return {1, kMaxTicks};
  const auto parts = static_cast<int>(std::ceil(av_q2d(source) * kMinTicks));
  return {source.num, source.den * std::max(1, parts)};
}

// Seconds of the container's clock at the timeline's 0.
double clock_zero(const VideoInfo& info) {
  return static_cast<double>(info.frame_pts.front()) * info.time_base.value() - info.start_time;
}

// The frames of an exact clip and when it shows them.
struct ClipFrames {
  ClipSpan span;
  AVRational time_base;
  std::vector<int64_t> frames;  // of the source
  std::vector<int64_t> pts;     // [frames + 1] ticks from the clip's beginning; the last is its end
};

ClipFrames choose_frames(const VideoInfo& info, const ClipSpan& wanted) {
  ClipFrames clip;
  clip.time_base = clip_time_base(av(info.time_base));
  const int64_t first = info.frame_at(wanted.from + kSameTime);
  clip.span = {std::max(wanted.from, info.frame_time(first)), std::min(wanted.to, info.duration)};
  const double ticks = 1 / av_q2d(clip.time_base);
  const int64_t begin = std::llround((clip.span.from - info.start_time) * ticks);
  for (int64_t i = first; i < info.frame_count; ++i) {
    if (i > first && info.frame_time(i) >= clip.span.to - kSameTime) break;
    const int64_t pts = i == first ? 0
                                   : av_rescale_q(info.frame_pts[i] - info.frame_pts.front(),
                                                  av(info.time_base), clip.time_base) -
                                         begin;
    if (!clip.pts.empty() && pts <= clip.pts.back()) continue;  // two frames with one time
    clip.frames.push_back(i);
    clip.pts.push_back(pts);
  }
  const int64_t end = std::llround((clip.span.to - clip.span.from) * ticks);
  clip.pts.push_back(std::max(end, clip.pts.back() + 1));
  return clip;
}

ClipSpan encode_clip(const InputFile& video, const VideoInfo& info, const ClipSpan& wanted,
                     int output, const CancelToken& cancel, const StillAtWork& at_work) {
  const ClipFrames clip = choose_frames(info, wanted);
  const double zero = clock_zero(info);
  const auto sound = ClipAudio::open(video, {clip.span.from + zero, clip.span.to + zero}, cancel);
  MediaInput source(video, cancel);  // of the rotation
  ClipPictures pictures(info, clip.time_base);
  Mp4Writer mp4(output, at_work);
  int audio_track = -1, video_track = -1;
  const auto write_sound = [&](AVPacket* packet) {
    mp4.write(packet, audio_track, sound->encoder()->time_base);
  };
  const auto write_picture = [&](AVPacket* packet) {
    const auto next = std::upper_bound(clip.pts.begin(), clip.pts.end(), packet->pts);
    packet->duration = next == clip.pts.end() ? 1 : *next - packet->pts;
    mp4.write(packet, video_track, clip.time_base);
  };
  FrameReader reader(video, info, clip.frames, kThreads, cancel);
  reader.approach(clip.frames.front());
  int64_t index = -1, written = 0;
  for (size_t next = 0; next < clip.frames.size();) {
    const AVFrame* frame = reader.next(index);
    if (frame == nullptr) break;
    at_work();
    // Past frames that did not decode: the one before stays on screen.
    while (next < clip.frames.size() && clip.frames[next] < index) ++next;
    if (next == clip.frames.size() || clip.frames[next] != index) continue;
    if (video_track < 0) {
      pictures.open(*frame);
      video_track = mp4.add_track(*pictures.encoder(), source.video());
      if (sound) audio_track = mp4.add_track(*sound->encoder(), sound->stream());
    }
    // Whatever came first begins the clip.
    pictures.encode(*frame, written++ == 0 ? 0 : clip.pts[next], write_picture);
    if (sound) {
      sound->encode_until(static_cast<double>(clip.pts[next]) * av_q2d(clip.time_base),
                          write_sound);
    }
    ++next;
  }
  if (video_track < 0) {
    throw Error(ErrorCode::kInvalid, "cut clip: no frame of this part can be decoded",
                "the file is damaged there: choose another part");
  }
  pictures.finish(write_picture);
  if (sound) sound->finish(write_sound);
  mp4.finish();
  return clip.span;
}

void check_codec(const AVStream& stream) {
  const AVCodecID id = stream.codecpar->codec_id;
  const AVOutputFormat* mp4 = av_guess_format("mp4", nullptr, nullptr);
  if (mp4 != nullptr && avformat_query_codec(mp4, id, FF_COMPLIANCE_NORMAL) == 1) return;
  throw Error(ErrorCode::kUnsupported,
              fmt::format("cut clip: MP4 does not hold {} as it is", avcodec_get_name(id)),
              "ask for mode=exact");
}

// Reads from the key frame on, or from before it.
std::unique_ptr<MediaInput> open_at(const InputFile& video, const KeyFrame& key,
                                    const CancelToken& cancel) {
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

ClipSpan copy_clip(const InputFile& video, const VideoInfo& info, const ClipSpan& wanted,
                   int output, const CancelToken& cancel, const StillAtWork& at_work) {
  const int64_t first = info.frame_at(wanted.from + kSameTime);
  auto key = std::upper_bound(info.key_frames.begin(), info.key_frames.end(), first,
                              [](int64_t frame, const KeyFrame& k) { return frame < k.frame; });
  if (info.order_only || key == info.key_frames.begin()) {
    throw Error(ErrorCode::kUnsupported,
                info.order_only ? "cut clip: the file has no presentation times to copy"
                                : "cut clip: there is no key frame before this part",
                "ask for mode=exact");
  }
  --key;
  const auto input = open_at(video, *key, cancel);
  const AVStream& pictures = *input->video();
  const AVStream* sound = input->add_audio();
  check_codec(pictures);
  if (sound != nullptr) check_codec(*sound);
  Mp4Writer mp4(output, at_work);
  const int video_track = mp4.add_track(*pictures.codecpar, pictures.time_base, &pictures);
  const int audio_track =
      sound == nullptr ? -1 : mp4.add_track(*sound->codecpar, sound->time_base, sound);

  const double zero = clock_zero(info), tick = info.time_base.value();
  const double to = wanted.to + zero - kSameTime;
  int64_t last_pts = key->pts;
  bool started = false, ended = false, silent = sound == nullptr;
  const PacketPtr packet = make_packet();
  while (!(ended && silent) && input->read(packet.get())) {
    at_work();
    const int64_t at = packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts;
    if (packet->pts == AV_NOPTS_VALUE) continue;
    if (packet->stream_index == pictures.index) {
      // A frame is decoded no later than it is shown: what comes now is after the end, but for
      // frames that are shown before one that is there already.
      ended = ended || (static_cast<double>(at) * tick >= to && packet->pts > last_pts);
      started = started || packet->pts == key->pts;
      silent = silent || static_cast<double>(at) * tick >= to + kInterleave;
      // Frames shown before their key frame refer to what is left out.
      if (ended || !started || packet->pts < key->pts) continue;
      last_pts = std::max(last_pts, packet->pts);
      packet->pts -= key->pts;
      if (packet->dts != AV_NOPTS_VALUE) packet->dts -= key->pts;
      mp4.write(packet.get(), video_track, pictures.time_base);
    } else {
      const int64_t begin = av_rescale_q(key->pts, pictures.time_base, sound->time_base);
      silent = static_cast<double>(packet->pts) * av_q2d(sound->time_base) >= to;
      if (silent || packet->pts + packet->duration <= begin) continue;
      packet->pts -= begin;
      if (packet->dts != AV_NOPTS_VALUE) packet->dts -= begin;
      mp4.write(packet.get(), audio_track, sound->time_base);
    }
  }
  if (!started) {
    throw Error(ErrorCode::kInvalid, "cut clip: the key frame of this part cannot be read",
                "ask for mode=exact");
  }
  mp4.finish();
  const int64_t last = std::upper_bound(info.frame_pts.begin(), info.frame_pts.end(), last_pts) -
                       info.frame_pts.begin() - 1;
  return {info.frame_time(key->frame),
          last + 1 < info.frame_count ? info.frame_time(last + 1) : info.duration};
}

}  // namespace

ClipSpan cut_file(const InputFile& file, const VideoInfo& info, const ClipSpan& wanted,
                  ClipMode mode, int output, const CancelToken& cancel,
                  const StillAtWork& at_work) {
  return mode == ClipMode::kExact ? encode_clip(file, info, wanted, output, cancel, at_work)
                                  : copy_clip(file, info, wanted, output, cancel, at_work);
}

ClipSpan write_clip(const std::filesystem::path& video, const ClipSpan& wanted, ClipMode mode,
                    const Descriptor& output, const CancelToken& cancel) {
  if (!(wanted.from >= 0 && wanted.to > wanted.from)) {
    throw Error(ErrorCode::kUsage,
                fmt::format("cut clip: from {} to {} is no part", wanted.from, wanted.to),
                "'from' is at least 0 and before 'to', in seconds");
  }
  const VideoInfo info = probe(video, cancel);
  if (wanted.from >= info.duration - kSameTime) {
    throw Error(ErrorCode::kUsage, fmt::format("cut clip: from {} is after the end, {:.3f}",
                                               wanted.from, info.duration));
  }
  if (wanted.to <= info.start_time + kSameTime) {
    throw Error(ErrorCode::kUsage, fmt::format("cut clip: to {} is before the first frame, {:.3f}",
                                               wanted.to, info.start_time));
  }
  const InputFile file(video, "video");
  const auto sandbox = decode_sandbox();
  return sandbox ? sandbox->cut(file, info, wanted, mode, output.get(), cancel)
                 : cut_file(file, info, wanted, mode, output.get(), cancel, [] {});
}

}  // namespace shijian
