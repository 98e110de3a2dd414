#include "video/jpeg.h"

#include <memory>

#include "base/error.h"
#include "video/media_input.h"

extern "C" {
#include <libswscale/swscale.h>
}

namespace shijian::video {
namespace {

constexpr int kQuantiser = 4;  // of 1 (best) to 31

void check(bool fine) {
  if (!fine) throw Error(ErrorCode::kInternal, "encode a JPEG"_text);
}

}  // namespace

std::string encode_jpeg(std::span<const uint8_t> rgb, int width, int height) {
  CHECK(rgb.size() == size_t{3} * width * height);
  silence_libav();  // the scaler complains of the format that the encoder wants
  const AVCodec* codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
  check(codec != nullptr);
  const CodecPtr context(avcodec_alloc_context3(codec));
  check(context != nullptr);
  context->width = width;
  context->height = height;
  context->pix_fmt = AV_PIX_FMT_YUVJ420P;
  context->time_base = {1, 25};
  context->flags |= AV_CODEC_FLAG_QSCALE;
  context->global_quality = FF_QP2LAMBDA * kQuantiser;
  check(avcodec_open2(context.get(), codec, nullptr) >= 0);
  const FramePtr frame = make_frame();
  frame->width = width;
  frame->height = height;
  frame->format = context->pix_fmt;
  frame->quality = context->global_quality;
  check(av_frame_get_buffer(frame.get(), 0) >= 0);
  SwsContext* scaler = sws_getContext(width, height, AV_PIX_FMT_RGB24, width, height,
                                      context->pix_fmt, SWS_BILINEAR, nullptr, nullptr, nullptr);
  check(scaler != nullptr);
  const uint8_t* source[4] = {rgb.data(), nullptr, nullptr, nullptr};  // it reads all four
  const int stride[4] = {3 * width, 0, 0, 0};
  sws_scale(scaler, source, stride, 0, height, frame->data, frame->linesize);
  sws_freeContext(scaler);
  const PacketPtr packet = make_packet();
  check(avcodec_send_frame(context.get(), frame.get()) >= 0);
  avcodec_send_frame(context.get(), nullptr);
  check(avcodec_receive_packet(context.get(), packet.get()) >= 0);
  return {reinterpret_cast<const char*>(packet->data), static_cast<size_t>(packet->size)};
}

}  // namespace shijian::video
