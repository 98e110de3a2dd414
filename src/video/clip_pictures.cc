#include "video/clip_pictures.h"

#include <algorithm>
#include <new>

#include "base/error.h"
#include "video/clip_parts.h"
#include "video/mp4_writer.h"

extern "C" {
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

namespace shijian::video {
namespace {

constexpr const char* kQuality = "20";  // libx264: CRF

const AVCodec* h264_encoder() {
  for (const char* name : {"libx264", "libopenh264"}) {
    if (const AVCodec* codec = avcodec_find_encoder_by_name(name)) return codec;
  }
  throw Error(ErrorCode::kUnsupported, "cut clip: libavcodec has no encoder for H.264"_text,
              "ask for mode=fast, or install libavcodec with libx264"_text);
}

// x264 logs what it has against its parameters, but not that memory ran out.
void require_encoded(int status, const Text& step) {
  if (status == AVERROR_EXTERNAL && libav_log().empty()) throw std::bad_alloc();
  require_cut(status, step);
}

}  // namespace

ClipPictures::ClipPictures(const VideoInfo& info, AVRational time_base)
    : info_(info), time_base_(time_base), codec_(h264_encoder()) {}

ClipPictures::~ClipPictures() { sws_freeContext(scaler_); }

void ClipPictures::open(const AVFrame& first) {
  encoder_.reset(avcodec_alloc_context3(codec_));
  if (!encoder_) throw std::bad_alloc();
  AVCodecContext& c = *encoder_;
  c.width = std::max(2, first.width & ~1);  // H.264's colour needs even sides
  c.height = std::max(2, first.height & ~1);
  c.pix_fmt = AV_PIX_FMT_YUV420P;
  c.time_base = time_base_;
  c.framerate = av(info_.frame_rate);
  c.sample_aspect_ratio = av(info_.sample_aspect);
  c.thread_count = kCodecThreads;
  c.max_b_frames = 0;  // without them MP4 says of every frame how long it is shown
  // The scaler changes RGB and the "J" formats, and leaves the levels of all others as they are.
  const auto format = static_cast<AVPixelFormat>(first.format);
  const AVPixFmtDescriptor* descriptor = av_pix_fmt_desc_get(format);
  const bool rgb = descriptor != nullptr && (descriptor->flags & AV_PIX_FMT_FLAG_RGB);
  const bool full = format == AV_PIX_FMT_YUVJ420P || format == AV_PIX_FMT_YUVJ422P ||
                    format == AV_PIX_FMT_YUVJ444P;
  c.color_range = rgb || full ? AVCOL_RANGE_MPEG : first.color_range;
  c.colorspace = rgb ? AVCOL_SPC_SMPTE170M : first.colorspace;
  c.color_primaries = first.color_primaries;
  c.color_trc = first.color_trc;
  if (mapped(first)) {
    c.color_range = AVCOL_RANGE_MPEG;
    c.colorspace = AVCOL_SPC_BT709;
    c.color_primaries = AVCOL_PRI_BT709;
    c.color_trc = AVCOL_TRC_BT709;
  }
  c.flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
  if (av_opt_set(c.priv_data, "crf", kQuality, 0) >= 0) {
    av_opt_set(c.priv_data, "preset", "veryfast", 0);
  } else {
    c.bit_rate = int64_t{c.width} * c.height * 4;
  }
  silence_libav();
  require_encoded(avcodec_open2(&c, codec_, nullptr), "open the H.264 encoder"_text);
  picture_ = make_frame();
  picture_->format = c.pix_fmt;
  picture_->width = c.width;
  picture_->height = c.height;
  require_cut(av_frame_get_buffer(picture_.get(), 0), "encode a picture"_text);
}

void ClipPictures::encode(const AVFrame& frame, int64_t pts, const Sink& sink) {
  require_cut(av_frame_make_writable(picture_.get()), "encode a picture"_text);
  const bool rgb = mapped(frame);
  scaler_ = sws_getCachedContext(scaler_, frame.width, frame.height,
                                 rgb ? AV_PIX_FMT_RGB24 : static_cast<AVPixelFormat>(frame.format),
                                 picture_->width, picture_->height, AV_PIX_FMT_YUV420P, SWS_BICUBIC,
                                 nullptr, nullptr, nullptr);
  require_cut(scaler_ == nullptr ? AVERROR(EINVAL) : 0, "convert a picture"_text);
  if (rgb) {
    const ConstImage image = converter_.convert(frame, 0, false, info_.peak_luminance, true);
    const uint8_t* planes[4] = {image.data, nullptr, nullptr, nullptr};
    const int strides[4] = {static_cast<int>(image.stride), 0, 0, 0};
    sws_setColorspaceDetails(scaler_, sws_getCoefficients(SWS_CS_DEFAULT), 1,
                             sws_getCoefficients(SWS_CS_ITU709), 0, 0, 1 << 16, 1 << 16);
    sws_scale(scaler_, planes, strides, 0, frame.height, picture_->data, picture_->linesize);
  } else {
    sws_scale(scaler_, frame.data, frame.linesize, 0, frame.height, picture_->data,
              picture_->linesize);
  }
  picture_->pts = pts;
  send(picture_.get(), sink);
}

bool ClipPictures::mapped(const AVFrame& frame) const {
  const Colour colour = colour_of(frame, info_.peak_luminance);
  return colour.is_hdr() || colour.primaries == Primaries::kBt2020;
}

void ClipPictures::finish(const Sink& sink) { send(nullptr, sink); }

void ClipPictures::send(const AVFrame* frame, const Sink& sink) {
  silence_libav();
  require_encoded(avcodec_send_frame(encoder_.get(), frame), "encode a picture"_text);
  const PacketPtr packet = make_packet();
  while (avcodec_receive_packet(encoder_.get(), packet.get()) >= 0) sink(packet.get());
}

}  // namespace shijian::video
