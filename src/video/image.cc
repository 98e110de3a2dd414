#include "video/image.h"

#include <cstring>
#include <new>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "video/animation.h"
#include "video/calls.h"
#include "video/exif.h"
#include "video/media_input.h"
#include "video/patches.h"
#include "video/picture.h"
#include "video/resize.h"
#include "video/sandboxed_calls.h"

namespace shijian::video {
namespace {

constexpr size_t kMaxFileBytes = size_t{256} << 20;

struct Format {
  const char* name;
  AVCodecID codec;
};

// By the first bytes alone.
std::optional<Format> find_format(std::span<const std::byte> bytes) {
  using namespace std::string_view_literals;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\x89PNG\r\n\x1a\n"sv)) return Format{"png", AV_CODEC_ID_PNG};
  if (text.starts_with("\xff\xd8\xff"sv)) return Format{"jpeg", AV_CODEC_ID_MJPEG};
  if (text.starts_with("RIFF"sv) && text.substr(0, 12).ends_with("WEBP"sv)) {
    return Format{"webp", AV_CODEC_ID_WEBP};
  }
  if (text.starts_with("GIF87a"sv) || text.starts_with("GIF89a"sv))
    return Format{"gif", AV_CODEC_ID_GIF};
  if (text.starts_with("BM"sv)) return Format{"bmp", AV_CODEC_ID_BMP};
  if (text.starts_with("II*\0"sv) || text.starts_with("MM\0*"sv))
    return Format{"tiff", AV_CODEC_ID_TIFF};
  return std::nullopt;
}

Format recognise(std::span<const std::byte> bytes, const std::string& name) {
  if (const auto format = find_format(bytes)) return *format;
  throw Error(ErrorCode::kInvalid,
              bytes.empty() ? "open image {}: the file is empty"_text(name)
                            : "open image {}: it holds no known image format"_text(name),
              "give a PNG, JPEG, WebP, BMP, GIF or TIFF file"_text);
}

FramePtr decode(std::span<const std::byte> bytes, const Format& format, const std::string& name) {
  const AVCodec* codec = avcodec_find_decoder(format.codec);
  if (codec == nullptr) {
    throw Error(ErrorCode::kUnsupported,
                "open image {}: this libavcodec has no {} decoder"_text(name, format.name),
                "convert the image to PNG"_text);
  }
  CodecPtr decoder(avcodec_alloc_context3(codec));
  if (!decoder) throw std::bad_alloc();
  decoder->max_pixels = kMaxPixels;
  decoder->thread_count = 1;
  PacketPtr packet = make_packet();
  FramePtr frame = make_frame();
  int status = avcodec_open2(decoder.get(), codec, nullptr);
  if (status >= 0) status = av_new_packet(packet.get(), static_cast<int>(bytes.size()));
  if (status >= 0) {
    std::memcpy(packet->data, bytes.data(), bytes.size());
    packet->flags |= AV_PKT_FLAG_KEY;
    status = avcodec_send_packet(decoder.get(), packet.get());
  }
  if (status >= 0) status = avcodec_send_packet(decoder.get(), nullptr);
  if (status >= 0) status = avcodec_receive_frame(decoder.get(), frame.get());
  if (status < 0) {
    throw Error(ErrorCode::kInvalid,
                "open image {}: the {} decoder: {}"_text(name, format.name, libav_reason(status)),
                "the image is damaged or of a rare kind: save it again as PNG"_text);
  }
  return frame;
}

// Of an animated WebP, which FFmpeg does not read.
FramePtr first_picture(MappedFile file, const std::string& name) {
  WebpAnimation animation(std::move(file), name);
  int end = 0;
  const uint8_t* rgba = animation.next_picture(end);
  if (rgba == nullptr) {
    throw Error(ErrorCode::kInvalid,
                "open image {}: the {} decoder: {}"_text(name, "webp", "damaged"_text),
                "the image is damaged or of a rare kind: save it again as PNG"_text);
  }
  FramePtr frame = make_frame();
  frame->format = AV_PIX_FMT_RGBA;
  frame->width = animation.width();
  frame->height = animation.height();
  if (av_frame_get_buffer(frame.get(), 0) < 0) throw std::bad_alloc();
  const size_t row = size_t{4} * static_cast<size_t>(frame->width);
  for (int y = 0; y < frame->height; ++y) {
    std::memcpy(frame->data[0] + int64_t{y} * frame->linesize[0],
                rgba + static_cast<size_t>(y) * row, row);
  }
  return frame;
}

StillImage decode_image(const InputFile& file) {
  const auto sandbox = decode_sandbox();
  return sandbox ? sandbox->decode_image(file) : decode_image_file(file);
}

}  // namespace

StillImage decode_image_file(const InputFile& file) {
  silence_libav();
  const std::string& shown = file.name();
  const MappedFile mapped(file.fd(), shown);
  const std::span<const std::byte> bytes = mapped.bytes();
  const Format format = recognise(bytes, shown);
  if (bytes.size() > kMaxFileBytes) {
    throw Error(
        ErrorCode::kUnsupported,
        "open image {}: {} MiB, over {}"_text(shown, bytes.size() >> 20, kMaxFileBytes >> 20),
        "save the image smaller"_text);
  }
  const bool moves = is_webp(bytes) && is_animation(bytes);
  const FramePtr frame =
      moves ? first_picture(MappedFile(file.fd(), shown), shown) : decode(bytes, format, shown);

  struct Turn {
    int rotation;
    bool mirrored;
  };
  constexpr Turn kTurns[9] = {{0, false}, {0, false},  {0, true},   {180, false}, {180, true},
                              {90, true}, {90, false}, {270, true}, {270, false}};
  const Turn turn = kTurns[exif_orientation(bytes, format.name)];
  PictureConverter converter;
  const ConstImage image = converter.convert(*frame, turn.rotation, turn.mirrored);
  StillImage out{tensor::Tensor(tensor::DType::kU8, {image.height, image.width, 3}), format.name};
  const int64_t row = int64_t{image.width} * 3;
  for (int y = 0; y < image.height; ++y) {
    std::memcpy(out.rgb.data<uint8_t>() + y * row, image.data + y * image.stride,
                static_cast<size_t>(row));
  }
  return out;
}

bool is_still_image(const std::filesystem::path& path) {
  require_regular_file(path, "file"_text);
  const MappedFile file(path);
  return find_format(file.bytes()).has_value() && !is_animation(file.bytes());
}

StillImage load_image(const std::filesystem::path& path) {
  return decode_image(InputFile(path, "image"_text));
}

StillImage decode_image(std::span<const std::byte> bytes, const std::string& name) {
  return decode_image(InputFile(bytes, name));
}

ImagePatches image_patches(const tensor::Tensor& rgb, const ImageOptions& options,
                           const PatchGeometry& geometry, ThreadPool& pool) {
  CHECK(rgb.shape().size() == 3 && rgb.dim(2) == 3, "{}", tensor::shape_string(rgb.shape()));
  const int height = static_cast<int>(rgb.dim(0)), width = static_cast<int>(rgb.dim(1));
  const Size size =
      smart_resize_image(height, width, geometry.factor(), options.min_pixels, options.max_pixels);
  ImagePatches out;
  out.rgb = tensor::Tensor(tensor::DType::kU8, {1, size.height, size.width, 3});
  resize_bicubic({rgb.data<uint8_t>(), height, width, int64_t{width} * 3},
                 {out.rgb.data<uint8_t>(), size.height, size.width, int64_t{size.width} * 3}, pool);
  out.patches = make_patches(out.rgb, geometry, pool);
  out.grid_height = size.height / geometry.patch;
  out.grid_width = size.width / geometry.patch;
  return out;
}

}  // namespace shijian::video
