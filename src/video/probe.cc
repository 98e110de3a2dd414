#include "video/probe.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <string_view>

#include "base/error.h"
#include "video/calls.h"
#include "video/frame_rate.h"
#include "video/media_input.h"
#include "video/sandboxed_calls.h"

extern "C" {
#include <libavutil/display.h>
#include <libavutil/pixdesc.h>
}

namespace shijian {
namespace {

struct Packet {
  int64_t pts;
  int64_t dts;
  int64_t duration;
  bool key;
};

std::string text(const char* s) { return s == nullptr ? "unknown" : s; }

Rational rational(AVRational q) { return {q.num, q.den}; }

std::string container_name(const AVFormatContext& format) {
  const std::string_view name = format.iformat->name;
  const AVDictionaryEntry* brand = av_dict_get(format.metadata, "major_brand", nullptr, 0);
  if (name.starts_with("mov")) {
    return brand == nullptr || std::string_view(brand->value).starts_with("qt") ? "mov" : "mp4";
  }
  if (name.starts_with("matroska")) {
    for (unsigned i = 0; i < format.nb_streams; ++i) {
      const AVCodecID id = format.streams[i]->codecpar->codec_id;
      const bool webm = id == AV_CODEC_ID_VP8 || id == AV_CODEC_ID_VP9 || id == AV_CODEC_ID_AV1 ||
                        id == AV_CODEC_ID_OPUS || id == AV_CODEC_ID_VORBIS ||
                        id == AV_CODEC_ID_WEBVTT;
      if (!webm) return "matroska";
    }
    return "webm";
  }
  return std::string(name);
}

void read_tracks(const AVFormatContext& format, VideoInfo& info) {
  for (unsigned i = 0; i < format.nb_streams; ++i) {
    const AVStream& stream = *format.streams[i];
    const AVDictionaryEntry* language = av_dict_get(stream.metadata, "language", nullptr, 0);
    const char* type = av_get_media_type_string(stream.codecpar->codec_type);
    info.tracks.push_back({type == nullptr ? "data" : type,
                           avcodec_get_name(stream.codecpar->codec_id),
                           language == nullptr ? "" : language->value});
  }
}

void read_rotation(AVStream& stream, VideoInfo& info) {
  size_t bytes = 0;
  const uint8_t* data = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &bytes);
  if (data == nullptr || bytes < 9 * sizeof(int32_t)) return;
  int32_t matrix[9];
  std::copy_n(reinterpret_cast<const int32_t*>(data), 9, matrix);
  const double det =
      static_cast<double>(matrix[0]) * matrix[4] - static_cast<double>(matrix[1]) * matrix[3];
  info.mirrored = det < 0;
  if (info.mirrored) av_display_matrix_flip(matrix, 1, 0);
  const double angle = -av_display_rotation_get(matrix);  // clockwise
  if (!std::isfinite(angle)) {
    info.mirrored = false;
    return;
  }
  const double quarter = std::nearbyint(angle / 90);
  if (std::abs(angle - quarter * 90) > 1) {
    info.notes.push_back(fmt::format("the file asks for a turn by {:.0f} degrees: turned by {:.0f}",
                                     angle, quarter * 90));
  }
  info.rotation = ((static_cast<int>(quarter) % 4) + 4) % 4 * 90;
}

void read_picture(MediaInput& input, VideoInfo& info) {
  AVStream& stream = *input.video();
  const AVCodecParameters& par = *stream.codecpar;
  info.codec = avcodec_get_name(par.codec_id);
  const auto pixel_format = static_cast<AVPixelFormat>(par.format);
  info.pixel_format = text(av_get_pix_fmt_name(pixel_format));
  if (const AVPixFmtDescriptor* d = av_pix_fmt_desc_get(pixel_format)) {
    info.bit_depth = d->comp[0].depth;
  }
  info.color_range = par.color_range == AVCOL_RANGE_JPEG   ? "full"
                     : par.color_range == AVCOL_RANGE_MPEG ? "limited"
                                                           : "unknown";
  info.color_matrix = text(av_color_space_name(par.color_space));
  info.color_transfer = text(av_color_transfer_name(par.color_trc));
  if (par.color_trc == AVCOL_TRC_SMPTE2084 || par.color_trc == AVCOL_TRC_ARIB_STD_B67) {
    info.notes.push_back("high dynamic range: shown without tone mapping, so colours are flat");
  }

  info.coded_width = par.width;
  info.coded_height = par.height;
  double width = par.width, height = par.height;
  AVRational aspect = av_guess_sample_aspect_ratio(input.format(), &stream, nullptr);
  if (aspect.num > 0 && aspect.den > 0) {
    const double ratio = av_q2d(aspect);
    if (ratio < 1.0 / 16 || ratio > 16) {
      info.notes.push_back(fmt::format("a pixel shape of {}:{} is not believed: taken as square",
                                       aspect.num, aspect.den));
    } else {
      info.sample_aspect = rational(aspect);
      (ratio > 1 ? width : height) *= ratio > 1 ? ratio : 1 / ratio;
    }
  }
  // A stretch may not lead past the limits that the coded size keeps.
  width = std::clamp(std::nearbyint(width), 1.0, double{kMaxSide});
  height = std::clamp(std::nearbyint(height), 1.0, double{kMaxSide});
  read_rotation(stream, info);
  if (info.rotation % 180 != 0) std::swap(width, height);
  info.width = static_cast<int>(width);
  info.height = static_cast<int>(height);
}

// A VP8 packet whose picture is only a reference for others.
bool invisible(AVCodecID codec, const AVPacket& packet) {
  return codec == AV_CODEC_ID_VP8 && packet.size > 0 && (packet.data[0] & 0x10) == 0;
}

struct Packets {
  std::vector<Packet> shown;
  int64_t read = 0;  // with those that show nothing
};

Packets read_packets(MediaInput& input) {
  Packets packets;
  const AVCodecID codec = input.video()->codecpar->codec_id;
  PacketPtr packet = make_packet();
  while (input.read(packet.get())) {
    ++packets.read;
    if ((packet->flags & AV_PKT_FLAG_DISCARD) || packet->size == 0) continue;
    if (invisible(codec, *packet)) continue;
    if (packets.read > kMaxFrameCount) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("open video {}: more than {} frames", input.name(), kMaxFrameCount),
                  "cut the video into parts");
    }
    packets.shown.push_back(
        {packet->pts, packet->dts, packet->duration, (packet->flags & AV_PKT_FLAG_KEY) != 0});
  }
  return packets;
}

// Fills frame_pts, key_frames and order_only; returns the duration in ticks of the last frame
// shown, 0 when unknown.
int64_t order_frames(std::vector<Packet> packets, VideoInfo& info) {
  info.order_only = std::any_of(packets.begin(), packets.end(),
                                [](const Packet& p) { return p.pts == AV_NOPTS_VALUE; });
  if (info.order_only) {
    // A player without presentation times shows a picture at each packet's time.
    int64_t next = 0;
    for (Packet& p : packets) {
      p.pts = p.dts != AV_NOPTS_VALUE ? p.dts : next;
      next = p.pts + std::max<int64_t>(p.duration, 1);
    }
  }
  std::stable_sort(packets.begin(), packets.end(),
                   [](const Packet& a, const Packet& b) { return a.pts < b.pts; });
  info.frame_pts.reserve(packets.size());
  for (size_t i = 0; i < packets.size(); ++i) {
    const Packet& p = packets[i];
    info.frame_pts.push_back(p.pts);
    if (p.key) {
      info.key_frames.push_back(
          {static_cast<int64_t>(i), p.pts, p.dts == AV_NOPTS_VALUE ? p.pts : p.dts});
    }
  }
  return packets.back().duration;
}

// Where the timeline begins, in seconds of the container's clock.
double timeline_origin(AVFormatContext& format, double first_frame) {
  double origin = first_frame;
  for (unsigned i = 0; i < format.nb_streams; ++i) {
    const AVStream& s = *format.streams[i];
    if (s.codecpar->codec_type != AVMEDIA_TYPE_AUDIO || s.start_time == AV_NOPTS_VALUE) continue;
    origin =
        std::min(origin, std::max(0.0, static_cast<double>(s.start_time) * av_q2d(s.time_base)));
  }
  return origin;
}

// At a cut some of the last frames lack their neighbours in presentation order. A few frames are
// given up where that makes the rate constant.
RateEstimate rate_of_frames(MediaInput& input, bool cut_short, int64_t last_duration,
                            VideoInfo& info) {
  const AVStream& stream = *input.video();
  const std::vector<Rational> claimed = {rational(stream.avg_frame_rate),
                                         rational(stream.r_frame_rate)};
  RateEstimate rate = estimate_rate(info.frame_pts, info.time_base, claimed, last_duration);
  if (rate.constant || !cut_short) return rate;
  constexpr size_t kGiveUp = 16;
  std::vector<int64_t> kept = info.frame_pts;
  for (size_t i = 0; i < kGiveUp && kept.size() > 2; ++i) {
    kept.pop_back();
    const RateEstimate shorter = estimate_rate(kept, info.time_base, claimed, last_duration);
    if (!shorter.constant) continue;
    info.frame_pts = std::move(kept);
    info.frame_count = static_cast<int64_t>(info.frame_pts.size());
    std::erase_if(info.key_frames, [&](const KeyFrame& k) { return k.frame >= info.frame_count; });
    return shorter;
  }
  return rate;
}

// Seconds on the timeline at which the header lets the video track end; 0 when it does not say.
double claimed_end(MediaInput& input, const VideoInfo& info) {
  const AVStream& stream = *input.video();
  if (stream.duration == AV_NOPTS_VALUE) return info.container_duration;
  return info.start_time + static_cast<double>(stream.duration) * info.time_base.value();
}

void read_times(MediaInput& input, int64_t packets_read, int64_t last_duration, VideoInfo& info) {
  AVFormatContext& format = *input.format();
  const double tick = info.time_base.value();
  const double first = static_cast<double>(info.frame_pts.front()) * tick;
  info.start_time = first - timeline_origin(format, first);
  if (format.duration != AV_NOPTS_VALUE &&
      format.duration_estimation_method != AVFMT_DURATION_FROM_BITRATE) {
    info.container_duration = static_cast<double>(format.duration) / AV_TIME_BASE;
  }

  const double length = info.start_time + static_cast<double>(info.frame_pts.back()) * tick - first;
  const double claimed = claimed_end(input, info);
  const bool cut_short = input.damaged() || input.video()->nb_frames > packets_read + 2 ||
                         claimed > length + std::max(1.0, 0.05 * length);
  const RateEstimate rate = rate_of_frames(input, cut_short, last_duration, info);
  info.frame_rate = rate.rate;
  info.variable_rate = !rate.constant;
  if (rate.constant) {
    info.duration = info.frame_time(info.frame_count);
  } else {
    const double last = info.frame_time(info.frame_count - 1);
    double shown =
        last_duration > 0 ? static_cast<double>(last_duration) * tick : 1 / info.frame_rate.value();
    // How long the last frame stays is the one number that nothing else confirms.
    if (info.container_duration > last) shown = std::min(shown, info.container_duration - last);
    info.duration = last + shown;
  }
  const bool lacks_end = cut_short && info.duration < claimed - 0.5 / rate.rate.value();
  info.damaged = lacks_end || input.damaged();
  if (lacks_end) {
    info.notes.push_back(
        fmt::format("damaged or cut short: {} frames up to {:.3f} s can be read (the header says "
                    "{:.3f} s)",
                    info.frame_count, info.duration, claimed));
  } else if (input.damaged()) {
    info.notes.push_back("damaged: parts of the file were skipped");
  }
}

}  // namespace

double VideoInfo::frame_time(int64_t frame) const {
  if (!variable_rate) return start_time + static_cast<double>(frame) / frame_rate.value();
  return start_time +
         static_cast<double>(frame_pts.at(frame) - frame_pts.front()) * time_base.value();
}

double VideoInfo::prompt_time(int64_t frame) const {
  if (!variable_rate && start_time * frame_rate.value() < 1) {
    return static_cast<double>(frame) / frame_rate.value();
  }
  return frame_time(frame);
}

int64_t VideoInfo::frame_at(double seconds) const {
  int64_t low = 0, high = frame_count;  // frame_time(low) <= seconds < frame_time(high)
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (frame_time(middle) <= seconds ? low : high) = middle;
  }
  return low;
}

VideoInfo probe(const std::filesystem::path& path, const CancelToken& cancel) {
  const InputFile file(path, "video");
  const auto sandbox = decode_sandbox();
  return sandbox ? sandbox->probe(file, cancel) : probe_file(file, cancel);
}

VideoInfo probe_file(const InputFile& file, const CancelToken& cancel) {
  MediaInput input(file, cancel);
  input.make_decoder(1);  // says now, not in the middle, that there is no decoder

  VideoInfo info;
  info.container = container_name(*input.format());
  info.time_base = rational(input.video()->time_base);
  read_tracks(*input.format(), info);
  read_picture(input, info);

  Packets packets = read_packets(input);
  if (packets.shown.empty()) {
    throw Error(ErrorCode::kInvalid,
                fmt::format("open video {}: the video track holds no frame", input.name()),
                "the file is damaged or cut short: copy or download it again");
  }
  info.frame_count = static_cast<int64_t>(packets.shown.size());
  const int64_t last_duration = order_frames(std::move(packets.shown), info);
  read_times(input, packets.read, last_duration, info);
  return info;
}

}  // namespace shijian
