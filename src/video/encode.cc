#include "video/encode.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "base/error.h"
#include "video/media_input.h"
#include "video/picture.h"

extern "C" {
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
}

namespace shijian::video {
namespace {

constexpr auto kInstall = "install the distribution's libavcodec with its usual codecs"_text;

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

// For a status below 0. libav's last log may be that of another thread's work.
[[noreturn]] void fail(ErrorCode code, int status, const Text& step) {
  if (status == AVERROR(ENOMEM)) throw std::bad_alloc();
  throw Error(code, "encode video: {}: {}"_text(step, libav_words(status)));
}

void require(int status, const Text& step) {
  if (status < 0) fail(ErrorCode::kInternal, status, step);
}

void open_codec(AVCodecContext& context, const AVCodec& codec, const Text& step) {
  const int status = avcodec_open2(&context, &codec, nullptr);
  if (status < 0) fail(ErrorCode::kUnsupported, status, step);
}

template <typename T>
T* require_memory(T* pointer) {
  if (pointer == nullptr) throw std::bad_alloc();
  return pointer;
}

CodecPtr make_context(const EncodeOptions& options, int width, int height, Rational rate) {
  const AVCodec* codec = avcodec_find_encoder_by_name(options.codec.c_str());
  if (codec == nullptr) {
    throw Error(ErrorCode::kUnsupported,
                "encode video: libavcodec has no encoder {}"_text(options.codec), kInstall);
  }
  CodecPtr context(require_memory(avcodec_alloc_context3(codec)));
  context->width = width;
  context->height = height;
  context->pix_fmt = AV_PIX_FMT_YUV420P;
  context->framerate = {static_cast<int>(rate.num), static_cast<int>(rate.den)};
  context->time_base = av_inv_q(context->framerate);
  context->gop_size = options.key_interval;
  context->max_b_frames = options.b_frames;
  context->thread_count = 1;  // videos are made side by side instead
  context->color_range = AVCOL_RANGE_MPEG;
  context->colorspace = AVCOL_SPC_SMPTE170M;
  context->color_primaries = AVCOL_PRI_SMPTE170M;
  context->color_trc = AVCOL_TRC_SMPTE170M;
  if (options.codec == "libx264") {
    av_opt_set(context->priv_data, "preset", options.preset.c_str(), 0);
    av_opt_set_int(context->priv_data, "crf", options.quality, 0);
    av_opt_set(context->priv_data, "x264-params", "log-level=none", 0);
  } else {
    context->flags |= AV_CODEC_FLAG_QSCALE;
    context->global_quality = options.quality * FF_QP2LAMBDA;
  }
  return context;
}

// RGB pictures in, packets out.
class Encoder {
 public:
  using Sink = std::function<void(AVPacket&)>;

  Encoder(const EncodeOptions& options, int width, int height, Rational rate, bool global_header)
      : rgb_(static_cast<size_t>(width) * height * 3) {
    silence_libav();
    context_ = make_context(options, width, height, rate);
    if (global_header) context_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    open_codec(*context_, *context_->codec, "open the encoder"_text);
    frame_->format = AV_PIX_FMT_YUV420P;
    frame_->width = width;
    frame_->height = height;
    frame_->color_range = context_->color_range;
    frame_->colorspace = context_->colorspace;
    require(av_frame_get_buffer(frame_.get(), 0), "encode a picture"_text);
    scaler_.reset(require_memory(sws_getContext(
        width, height, AV_PIX_FMT_RGB24, width, height, AV_PIX_FMT_YUV420P,
        SWS_BILINEAR | SWS_FULL_CHR_H_INT | SWS_ACCURATE_RND, nullptr, nullptr, nullptr)));
    const int* coefficients = sws_getCoefficients(SWS_CS_SMPTE170M);
    sws_setColorspaceDetails(scaler_.get(), coefficients, 1, coefficients, 0, 0, 1 << 16, 1 << 16);
  }

  const AVCodecContext* context() const { return context_.get(); }

  void encode(int index, const DrawFrame& draw, const Sink& sink) {
    draw(index, rgb_.data());
    require(av_frame_make_writable(frame_.get()), "encode a picture"_text);
    const uint8_t* planes[4] = {rgb_.data(), nullptr, nullptr, nullptr};  // it reads all four
    const int strides[4] = {frame_->width * 3, 0, 0, 0};
    sws_scale(scaler_.get(), planes, strides, 0, frame_->height, frame_->data, frame_->linesize);
    frame_->pts = index;
    send(frame_.get(), sink);
  }
  void finish(const Sink& sink) { send(nullptr, sink); }

 private:
  void send(const AVFrame* frame, const Sink& sink) {
    require(avcodec_send_frame(context_.get(), frame), "encode a picture"_text);
    for (;;) {
      const int status = avcodec_receive_packet(context_.get(), packet_.get());
      if (status == AVERROR(EAGAIN) || status == AVERROR_EOF) return;
      require(status, "encode a picture"_text);
      packet_->duration = 1;
      sink(*packet_);
      av_packet_unref(packet_.get());
    }
  }

  std::vector<uint8_t> rgb_;  // [height, width, 3]
  CodecPtr context_;
  FramePtr frame_ = make_frame();
  PacketPtr packet_ = make_packet();
  std::unique_ptr<SwsContext, FreeScaler> scaler_;
};

// An MP4 file in memory, of one track; Mp4Writer is for files on disk.
class Mp4InMemory {
 public:
  explicit Mp4InMemory(const AVCodecContext& encoder) : time_base_(encoder.time_base) {
    AVFormatContext* format = nullptr;
    require(avformat_alloc_output_context2(&format, nullptr, "mp4", nullptr), kStep);
    format_.reset(format);
    format->flags |= AVFMT_FLAG_BITEXACT;
    stream_ = require_memory(avformat_new_stream(format, nullptr));
    stream_->time_base = encoder.time_base;
    stream_->avg_frame_rate = encoder.framerate;
    require(avcodec_parameters_from_context(stream_->codecpar, &encoder), kStep);
    require(avio_open_dyn_buf(&format->pb), kStep);
    require(avformat_write_header(format, nullptr), kStep);
  }

  void write(AVPacket& packet) {
    av_packet_rescale_ts(&packet, time_base_, stream_->time_base);
    packet.stream_index = stream_->index;
    require(av_interleaved_write_frame(format_.get(), &packet), kStep);
  }

  // The file's bytes.
  std::string finish() {
    require(av_write_trailer(format_.get()), kStep);
    uint8_t* bytes = nullptr;
    const int size = avio_close_dyn_buf(std::exchange(format_->pb, nullptr), &bytes);
    const std::unique_ptr<uint8_t, void (*)(void*)> owner(bytes, av_free);
    if (size <= 0) throw std::bad_alloc();
    return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)};
  }

 private:
  static constexpr auto kStep = "write MP4"_text;

  const AVRational time_base_;
  std::unique_ptr<AVFormatContext, FreeFormat> format_;
  AVStream* stream_ = nullptr;
};

// Packets in, pictures out.
class Decoder {
 public:
  Decoder(const AVCodecContext& encoder, const TakeFrame& take) : take_(take) {
    const AVCodec* codec = avcodec_find_decoder(encoder.codec_id);
    if (codec == nullptr) {
      throw Error(ErrorCode::kUnsupported,
                  "encode video: libavcodec cannot decode {}"_text(encoder.codec->name), kInstall);
    }
    context_.reset(require_memory(avcodec_alloc_context3(codec)));
    context_->thread_count = 1;
    open_codec(*context_, *codec, "open the decoder"_text);
  }

  // Null: that was the last one.
  void decode(const AVPacket* packet) {
    require(avcodec_send_packet(context_.get(), packet), "decode a picture"_text);
    for (;;) {
      const int status = avcodec_receive_frame(context_.get(), frame_.get());
      if (status == AVERROR(EAGAIN) || status == AVERROR_EOF) return;
      require(status, "decode a picture"_text);
      take_(taken_++, converter_.convert(*frame_, 0, false));
    }
  }
  int taken() const { return taken_; }

 private:
  const TakeFrame& take_;
  CodecPtr context_;
  FramePtr frame_ = make_frame();
  PictureConverter converter_;
  int taken_ = 0;
};

}  // namespace

std::string encode_mp4(const EncodeOptions& options, int width, int height, Rational rate,
                       int frames, const DrawFrame& draw) {
  Encoder encoder(options, width, height, rate, true);
  Mp4InMemory mp4(*encoder.context());
  const auto sink = [&](AVPacket& packet) { mp4.write(packet); };
  for (int i = 0; i < frames; ++i) encoder.encode(i, draw, sink);
  encoder.finish(sink);
  return mp4.finish();
}

void recompress(const EncodeOptions& options, int width, int height, int frames,
                const DrawFrame& draw, const TakeFrame& take) {
  Encoder encoder(options, width, height, {25, 1}, false);
  Decoder decoder(*encoder.context(), take);
  const auto sink = [&](AVPacket& packet) { decoder.decode(&packet); };
  for (int i = 0; i < frames; ++i) encoder.encode(i, draw, sink);
  encoder.finish(sink);
  decoder.decode(nullptr);
  CHECK(decoder.taken() == frames, "{} of {} frames came back", decoder.taken(), frames);
}

}  // namespace shijian::video
