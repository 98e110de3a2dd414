#include "synth/encoder.h"

#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "video/media_input.h"
#include "video/picture.h"

extern "C" {
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
}

namespace shijian::synth {
namespace {

struct FreeScaler {
  void operator()(SwsContext* p) const { sws_freeContext(p); }
};
struct FreeFormat {
  void operator()(AVFormatContext* p) const {
    if (p->pb != nullptr) {
      uint8_t* bytes = nullptr;
      avio_close_dyn_buf(p->pb, &bytes);
      av_free(bytes);
    }
    avformat_free_context(p);
  }
};

void require(int result, const char* operation) {
  if (result >= 0) return;
  if (result == AVERROR(ENOMEM)) {
    throw Error(ErrorCode::kNoMemory, fmt::format("synth: {}: out of memory", operation));
  }
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(result, text, sizeof text);
  throw Error(ErrorCode::kInternal, fmt::format("synth: {}: {}", operation, text));
}

template <typename T>
T* require_memory(T* pointer, const char* operation) {
  if (pointer == nullptr) require(AVERROR(ENOMEM), operation);
  return pointer;
}

// RGB pictures in, packets out.
class Encoder {
 public:
  using Sink = std::function<void(AVPacket&)>;

  Encoder(const EncoderSettings& settings, int width, int height, FrameRate rate,
          bool global_header)
      : rgb_(static_cast<size_t>(width) * height * 3) {
    video::silence_libav();
    const AVCodec* codec = avcodec_find_encoder_by_name(settings.codec.c_str());
    if (codec == nullptr) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("synth: libavcodec has no encoder {}", settings.codec),
                  "install the distribution's libavcodec with its usual codecs");
    }
    context_.reset(require_memory(avcodec_alloc_context3(codec), "encode"));
    context_->width = width;
    context_->height = height;
    context_->pix_fmt = AV_PIX_FMT_YUV420P;
    context_->time_base = {rate.denominator, rate.numerator};
    context_->framerate = {rate.numerator, rate.denominator};
    context_->gop_size = settings.key_interval;
    context_->max_b_frames = settings.b_frames;
    context_->thread_count = 1;  // clips are made side by side instead
    context_->color_range = AVCOL_RANGE_MPEG;
    context_->colorspace = AVCOL_SPC_SMPTE170M;
    context_->color_primaries = AVCOL_PRI_SMPTE170M;
    context_->color_trc = AVCOL_TRC_SMPTE170M;
    if (global_header) context_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (settings.codec == "libx264") {
      av_opt_set(context_->priv_data, "preset", settings.preset.c_str(), 0);
      av_opt_set_int(context_->priv_data, "crf", settings.quality, 0);
      av_opt_set(context_->priv_data, "x264-params", "log-level=none", 0);
      context_->max_b_frames = settings.b_frames;
    } else {
      context_->flags |= AV_CODEC_FLAG_QSCALE;
      context_->global_quality = settings.quality * FF_QP2LAMBDA;
    }
    require(avcodec_open2(context_.get(), codec, nullptr), "open the encoder");

    frame_->format = AV_PIX_FMT_YUV420P;
    frame_->width = width;
    frame_->height = height;
    frame_->color_range = context_->color_range;
    frame_->colorspace = context_->colorspace;
    require(av_frame_get_buffer(frame_.get(), 0), "encode");
    scaler_.reset(require_memory(
        sws_getContext(width, height, AV_PIX_FMT_RGB24, width, height, AV_PIX_FMT_YUV420P,
                       SWS_BILINEAR | SWS_FULL_CHR_H_INT | SWS_ACCURATE_RND, nullptr, nullptr,
                       nullptr),
        "encode"));
    const int* coefficients = sws_getCoefficients(SWS_CS_SMPTE170M);
    sws_setColorspaceDetails(scaler_.get(), coefficients, 1, coefficients, 0, 0, 1 << 16, 1 << 16);
  }

  AVCodecContext* context() { return context_.get(); }

  void encode(int index, const DrawFrame& draw, const Sink& sink) {
    draw(index, rgb_.data());
    require(av_frame_make_writable(frame_.get()), "encode");
    const uint8_t* planes[4] = {rgb_.data(), nullptr, nullptr, nullptr};  // it reads all four
    const int strides[4] = {frame_->width * 3, 0, 0, 0};
    sws_scale(scaler_.get(), planes, strides, 0, frame_->height, frame_->data, frame_->linesize);
    frame_->pts = index;
    send(frame_.get(), sink);
  }
  void finish(const Sink& sink) { send(nullptr, sink); }

 private:
  void send(const AVFrame* frame, const Sink& sink) {
    require(avcodec_send_frame(context_.get(), frame), "encode a frame");
    for (;;) {
      const int result = avcodec_receive_packet(context_.get(), packet_.get());
      if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) return;
      require(result, "encode a frame");
      packet_->duration = 1;
      sink(*packet_);
      av_packet_unref(packet_.get());
    }
  }

  std::vector<uint8_t> rgb_;  // [height, width, 3]
  video::CodecPtr context_;
  video::FramePtr frame_ = video::make_frame();
  video::PacketPtr packet_ = video::make_packet();
  std::unique_ptr<SwsContext, FreeScaler> scaler_;
};

}  // namespace

std::string encode_mp4(const EncoderSettings& settings, int width, int height, FrameRate rate,
                       int frames, const DrawFrame& draw) {
  Encoder encoder(settings, width, height, rate, true);
  AVFormatContext* raw = nullptr;
  require(avformat_alloc_output_context2(&raw, nullptr, "mp4", nullptr), "write MP4");
  const std::unique_ptr<AVFormatContext, FreeFormat> format(raw);
  format->flags |= AVFMT_FLAG_BITEXACT;
  AVStream* stream = require_memory(avformat_new_stream(raw, nullptr), "write MP4");
  stream->time_base = encoder.context()->time_base;
  stream->avg_frame_rate = encoder.context()->framerate;
  require(avcodec_parameters_from_context(stream->codecpar, encoder.context()), "write MP4");
  require(avio_open_dyn_buf(&raw->pb), "write MP4");
  require(avformat_write_header(raw, nullptr), "write MP4");
  const auto sink = [&](AVPacket& packet) {
    av_packet_rescale_ts(&packet, encoder.context()->time_base, stream->time_base);
    packet.stream_index = stream->index;
    require(av_interleaved_write_frame(raw, &packet), "write MP4");
  };
  for (int i = 0; i < frames; ++i) encoder.encode(i, draw, sink);
  encoder.finish(sink);
  require(av_write_trailer(raw), "write MP4");
  uint8_t* bytes = nullptr;
  const int size = avio_close_dyn_buf(std::exchange(raw->pb, nullptr), &bytes);
  std::string file(reinterpret_cast<const char*>(bytes), static_cast<size_t>(std::max(size, 0)));
  av_free(bytes);
  if (size <= 0) require(AVERROR(ENOMEM), "write MP4");
  return file;
}

void recompress(const EncoderSettings& settings, int width, int height, int frames,
                const DrawFrame& draw, const TakeFrame& take) {
  Encoder encoder(settings, width, height, {25, 1}, false);
  const AVCodec* codec = avcodec_find_decoder(encoder.context()->codec_id);
  if (codec == nullptr) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("synth: libavcodec cannot decode {}", settings.codec),
                "install the distribution's libavcodec with its usual codecs");
  }
  const video::CodecPtr decoder(require_memory(avcodec_alloc_context3(codec), "decode"));
  decoder->thread_count = 1;
  require(avcodec_open2(decoder.get(), codec, nullptr), "open the decoder");
  const video::FramePtr frame = video::make_frame();
  video::PictureConverter converter;
  int taken = 0;
  const auto decode = [&](const AVPacket* packet) {
    require(avcodec_send_packet(decoder.get(), packet), "decode a frame");
    for (;;) {
      const int result = avcodec_receive_frame(decoder.get(), frame.get());
      if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) return;
      require(result, "decode a frame");
      take(taken++, converter.convert(*frame, 0, false));
    }
  };
  const auto sink = [&](AVPacket& packet) { decode(&packet); };
  for (int i = 0; i < frames; ++i) encoder.encode(i, draw, sink);
  encoder.finish(sink);
  decode(nullptr);
  CHECK(taken == frames, "{} of {} frames came back", taken, frames);
}

}  // namespace shijian::synth
