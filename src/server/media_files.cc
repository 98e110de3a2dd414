#include "server/media_files.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>
}

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "video/decode.h"
#include "video/media_input.h"

namespace shijian {
namespace {

constexpr int kQuantiser = 4;  // of 1 (best) to 31
constexpr int kMaxJpegSide = 65000;
constexpr int64_t kMaxStripPixels = int64_t{1} << 25;

template <auto free_function>
struct Free {
  template <typename T>
  void operator()(T* pointer) const {
    free_function(&pointer);
  }
};
using CodecContext = std::unique_ptr<AVCodecContext, Free<avcodec_free_context>>;
using Frame = std::unique_ptr<AVFrame, Free<av_frame_free>>;
using Packet = std::unique_ptr<AVPacket, Free<av_packet_free>>;

void check(bool fine) {
  if (!fine) throw Error(ErrorCode::kInternal, "encode a JPEG");
}

// rgb: [height, width, 3]
std::string encode_jpeg(const std::vector<uint8_t>& rgb, int width, int height) {
  silence_libav();  // the scaler complains of the format that the encoder wants
  const AVCodec* codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
  check(codec != nullptr);
  const CodecContext context(avcodec_alloc_context3(codec));
  check(context != nullptr);
  context->width = width;
  context->height = height;
  context->pix_fmt = AV_PIX_FMT_YUVJ420P;
  context->time_base = {1, 25};
  context->flags |= AV_CODEC_FLAG_QSCALE;
  context->global_quality = FF_QP2LAMBDA * kQuantiser;
  check(avcodec_open2(context.get(), codec, nullptr) >= 0);
  const Frame frame(av_frame_alloc());
  check(frame != nullptr);
  frame->width = width;
  frame->height = height;
  frame->format = context->pix_fmt;
  frame->quality = context->global_quality;
  check(av_frame_get_buffer(frame.get(), 0) >= 0);
  SwsContext* scaler = sws_getContext(width, height, AV_PIX_FMT_RGB24, width, height,
                                      context->pix_fmt, SWS_BILINEAR, nullptr, nullptr, nullptr);
  check(scaler != nullptr);
  const uint8_t* source[] = {rgb.data()};
  const int stride[] = {3 * width};
  sws_scale(scaler, source, stride, 0, height, frame->data, frame->linesize);
  sws_freeContext(scaler);
  const Packet packet(av_packet_alloc());
  check(packet != nullptr && avcodec_send_frame(context.get(), frame.get()) >= 0);
  avcodec_send_frame(context.get(), nullptr);
  check(avcodec_receive_packet(context.get(), packet.get()) >= 0);
  return {reinterpret_cast<const char*>(packet->data), static_cast<size_t>(packet->size)};
}

// The plan's frames side by side.
FrameStrip decode_strip(const std::filesystem::path& file, const VideoInfo& info,
                        const FramePlan& plan, const CancelToken& cancel) {
  ThreadPool pool(1);
  DecodeOptions options;
  options.threads = 1;
  Frames frames = decode_frames(file, info, plan, options, pool, cancel);
  const auto count = frames.rgb.dim(0), height = frames.rgb.dim(1), width = frames.rgb.dim(2);
  std::vector<uint8_t> wide(static_cast<size_t>(count * height * width * 3));
  const auto* from = frames.rgb.data<uint8_t>();
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t y = 0; y < height; ++y) {
      std::copy_n(from + (i * height + y) * width * 3, width * 3,
                  wide.data() + (y * count + i) * width * 3);
    }
  }
  FrameStrip strip;
  strip.width = static_cast<int>(width);
  strip.height = static_cast<int>(height);
  strip.jpeg = encode_jpeg(wide, static_cast<int>(count * width), static_cast<int>(height));
  strip.times = std::move(frames.times);
  return strip;
}

}  // namespace

FrameStrip evenly_spaced_frames(const std::filesystem::path& file, int count, int height,
                                const CancelToken& cancel) {
  const VideoInfo info = probe(file, cancel);
  FramePlan plan;
  plan.height = std::min(height, std::max(2, info.height));
  plan.width = std::max<int>(2, static_cast<int>(int64_t{plan.height} * info.width / info.height));
  count = std::clamp(kMaxJpegSide / plan.width, 1, count);
  for (int i = 0; i < count; ++i) {
    const int64_t frame = info.frame_count * (2 * i + 1) / (2 * count);
    plan.indices.push_back(frame);
    plan.times.push_back(info.frame_time(frame));
  }
  return decode_strip(file, info, plan, cancel);
}

FrameStrip planned_frames(const Media& media, int64_t first, int64_t count,
                          const CancelToken& cancel) {
  FramePlan plan = media.plan;
  const auto total = static_cast<int64_t>(plan.indices.size());
  CHECK(first >= 0 && first < total && count > 0);
  const int64_t room = std::min<int64_t>(kMaxJpegSide / plan.width,
                                         kMaxStripPixels / (int64_t{plan.width} * plan.height));
  count = std::min({count, total - first, std::max<int64_t>(room, 1)});
  const auto part = [&](auto& list) {
    list = {list.begin() + first, list.begin() + first + count};
  };
  part(plan.indices);
  part(plan.times);
  return decode_strip(media.path, media.video, plan, cancel);
}

HttpResponse strip_response(const FrameStrip& strip) {
  HttpResponse response;
  response.content_type = "image/jpeg";
  response.body = strip.jpeg;
  std::string times;
  for (const double time : strip.times) {
    times += fmt::format("{}{:.3f}", times.empty() ? "" : ",", time);
  }
  response.headers.emplace_back("X-Frame-Times", times);
  response.headers.emplace_back("X-Frame-Size", fmt::format("{}x{}", strip.width, strip.height));
  return response;
}

}  // namespace shijian
