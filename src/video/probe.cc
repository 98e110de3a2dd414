#include "video/probe.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <string_view>

#include "base/error.h"
#include "video/calls.h"
#include "video/container_end.h"
#include "video/frame_list.h"
#include "video/media_input.h"
#include "video/sandboxed_calls.h"
#include "video/start_timecode.h"
#include "video/tone_map.h"

extern "C" {
#include <libavutil/display.h>
#include <libavutil/mastering_display_metadata.h>
#include <libavutil/pixdesc.h>
}

namespace shijian::video {
namespace {

std::string text(const char* s) { return s == nullptr ? "unknown" : s; }

Rational rational(AVRational q) { return {q.num, q.den}; }

std::string entry(const AVDictionary* metadata, const char* key) {
  const AVDictionaryEntry* found = av_dict_get(metadata, key, nullptr, 0);
  return found == nullptr ? "" : found->value;
}

std::string container_name(const AVFormatContext& format) {
  const std::string_view name = format.iformat->name;
  if (name.starts_with("mov")) {
    const std::string brand = entry(format.metadata, "major_brand");
    return brand.empty() || brand.starts_with("qt") ? "mov" : "mp4";
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

// Adds the tracks that `info` does not have yet.
void read_tracks(AVFormatContext& format, VideoInfo& info) {
  for (auto i = static_cast<unsigned>(info.tracks.size()); i < format.nb_streams; ++i) {
    const AVStream& stream = *format.streams[i];
    const AVCodecParameters& par = *stream.codecpar;
    const char* type = av_get_media_type_string(par.codec_type);
    Track track;
    track.type = type == nullptr ? "data" : type;
    track.codec = info.container == "webp" ? info.container : avcodec_get_name(par.codec_id);
    track.language = entry(stream.metadata, "language");
    track.index = static_cast<int>(i);
    track.width = par.width;
    track.height = par.height;
    track.title = entry(stream.metadata, "title");
    if (const AVProgram* programme = av_find_program_from_stream(&format, nullptr, track.index)) {
      track.programme = programme->id;
      if (track.title.empty()) track.title = entry(programme->metadata, "service_name");
    }
    info.tracks.push_back(std::move(track));
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
  info.rotation = ((static_cast<int>(quarter) % 4) + 4) % 4 * 90;
  if (std::abs(angle - quarter * 90) > 1) {
    info.notes.push_back("the file asks for a turn by {:.0f} degrees: turned by {}"_text(
        angle < 0 ? angle + 360 : angle, info.rotation));
  }
}

void read_picture(MediaInput& input, VideoInfo& info) {
  AVStream& stream = *input.video();
  const AVCodecParameters& par = *stream.codecpar;
  // Its frames come put together, so that no decoder has a name for them.
  info.codec = info.container == "webp" ? info.container : avcodec_get_name(par.codec_id);
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

  info.coded_width = par.width;
  info.coded_height = par.height;
  double width = par.width, height = par.height;
  AVRational aspect = av_guess_sample_aspect_ratio(input.format(), &stream, nullptr);
  if (aspect.num > 0 && aspect.den > 0) {
    const double ratio = av_q2d(aspect);
    if (ratio < 1.0 / 16 || ratio > 16) {
      info.notes.push_back(
          "a pixel shape of {}:{} is not believed: taken as square"_text(aspect.num, aspect.den));
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

// What the mastering display or the content reaches, by the file's metadata; 0 where it does not
// say.
double peak_of(const void* display, const void* content) {
  double peak = 0;
  if (display != nullptr) {
    const auto& mastering = *static_cast<const AVMasteringDisplayMetadata*>(display);
    if (mastering.has_luminance) peak = av_q2d(mastering.max_luminance);
  }
  if (content != nullptr) {
    const double most = static_cast<const AVContentLightMetadata*>(content)->MaxCLL;
    if (most > 0 && (peak <= 0 || most < peak)) peak = most;
  }
  return std::isfinite(peak) ? peak : 0;
}

double peak_of(const AVStream& stream) {
  const auto data = [&](AVPacketSideDataType type) {
    return av_stream_get_side_data(&stream, type, nullptr);
  };
  return peak_of(data(AV_PKT_DATA_MASTERING_DISPLAY_METADATA),
                 data(AV_PKT_DATA_CONTENT_LIGHT_LEVEL));
}

// Of the first picture, by what its own stream says.
double peak_of_first_picture(MediaInput& input) {
  constexpr int kMaxPackets = 100;
  const CodecPtr decoder = input.make_decoder(1);
  const PacketPtr packet = make_packet();
  const FramePtr frame = make_frame();
  for (int i = 0; i < kMaxPackets && input.read(packet.get()); ++i) {
    if (avcodec_send_packet(decoder.get(), packet.get()) < 0) continue;
    if (avcodec_receive_frame(decoder.get(), frame.get()) < 0) continue;
    const auto data = [&](AVFrameSideDataType type) -> const void* {
      const AVFrameSideData* found = av_frame_get_side_data(frame.get(), type);
      return found == nullptr ? nullptr : found->data;
    };
    return peak_of(data(AV_FRAME_DATA_MASTERING_DISPLAY_METADATA),
                   data(AV_FRAME_DATA_CONTENT_LIGHT_LEVEL));
  }
  return 0;
}

void read_luminance(const InputFile& file, MediaInput& input, const std::stop_token& cancel,
                    VideoInfo& info) {
  const AVColorTransferCharacteristic transfer = input.video()->codecpar->color_trc;
  const bool pq = transfer == AVCOL_TRC_SMPTE2084;
  if (!pq && transfer != AVCOL_TRC_ARIB_STD_B67) return;
  double peak = pq ? peak_of(*input.video()) : 0;
  if (pq && peak <= 0) {
    MediaInput again(file, cancel);
    peak = peak_of_first_picture(again);
  }
  info.peak_luminance = peak > 0 ? std::clamp(peak, 100.0, 10000.0) : kUsualPeak;
  info.notes.push_back("high dynamic range ({}): tone-mapped from {:.0f} cd/m² to BT.709"_text(
      pq ? "PQ" : "HLG", info.peak_luminance));
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

int64_t VideoInfo::video_streams() const {
  return std::count_if(tracks.begin(), tracks.end(),
                       [](const Track& track) { return track.type == "video"; });
}

VideoInfo probe(const std::filesystem::path& path, const std::stop_token& cancel, int stream) {
  const InputFile file(path, "video"_text, stream);
  const auto sandbox = decode_sandbox();
  return sandbox ? sandbox->probe(file, cancel) : probe_file(file, cancel, [] {});
}

VideoInfo probe_file(const InputFile& asked, const std::stop_token& cancel,
                     const Heartbeat& heartbeat) {
  InputFile file = asked;
  file.set_hidden(find_hidden(file));
  MediaInput input(file, cancel);
  input.make_decoder(1);  // says now, not in the middle, that there is no decoder

  VideoInfo info;
  info.stream = input.video()->index;
  info.hidden = file.hidden();
  read_luminance(file, input, cancel, info);
  info.container = container_name(*input.format());
  info.time_base = rational(input.video()->time_base);
  read_tracks(*input.format(), info);
  read_picture(input, info);
  info.start_timecode = header_timecode(*input.format(), *input.video());
  list_frames(file, input, info, cancel, heartbeat);
  read_tracks(*input.format(), info);  // those that begin later in the file
  if (info.video_streams() > 1) {
    info.notes.push_back("{} video streams: this is number {}, --stream takes another"_text(
        info.video_streams(), info.stream));
  }
  return info;
}

}  // namespace shijian::video
