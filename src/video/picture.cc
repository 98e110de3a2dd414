#include "video/picture.h"

#include <algorithm>

#include "base/error.h"

extern "C" {
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

namespace shijian::video {
namespace {

// The old full-range formats are the plain ones with the range in their name.
AVPixelFormat plain_format(int format, bool& full) {
  switch (format) {
    case AV_PIX_FMT_YUVJ420P:
      full = true;
      return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
      full = true;
      return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
      full = true;
      return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P:
      full = true;
      return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ411P:
      full = true;
      return AV_PIX_FMT_YUV411P;
    default:
      return static_cast<AVPixelFormat>(format);
  }
}

// swscale works on whole groups of pixels and may write a little past a row.
int64_t padded_stride(int width) { return (int64_t{width} * 3 + 63) / 64 * 64; }
constexpr size_t kTail = 64;

// Turns clockwise and then mirrors, in blocks so that both pictures stay in cache.
Image turn(const ConstImage& in, int rotation, bool mirrored, std::vector<uint8_t>& out) {
  const bool swap = rotation % 180 != 0;
  const int width = swap ? in.height : in.width, height = swap ? in.width : in.height;
  const Image to{nullptr, height, width, int64_t{width} * 3};
  out.resize(static_cast<size_t>(to.stride) * height);
  // Where the pixel of output (0, 0) lies in the input, and the steps along x and y.
  int64_t x0 = 0, y0 = 0, dx_x = 1, dy_x = 0, dx_y = 0, dy_y = 1;
  if (rotation == 90) y0 = in.height - 1, dx_x = 0, dy_x = -1, dx_y = 1, dy_y = 0;
  if (rotation == 180) x0 = in.width - 1, y0 = in.height - 1, dx_x = -1, dy_y = -1;
  if (rotation == 270) x0 = in.width - 1, dx_x = 0, dy_x = 1, dx_y = -1, dy_y = 0;
  if (mirrored) {
    x0 += dx_x * (width - 1);
    y0 += dy_x * (width - 1);
    dx_x = -dx_x;
    dy_x = -dy_x;
  }
  const int64_t step_x = dx_x * 3 + dy_x * in.stride, step_y = dx_y * 3 + dy_y * in.stride;
  const uint8_t* origin = in.data + x0 * 3 + y0 * in.stride;
  constexpr int kBlock = 32;
  for (int by = 0; by < height; by += kBlock) {
    for (int bx = 0; bx < width; bx += kBlock) {
      const int ey = std::min(by + kBlock, height), ex = std::min(bx + kBlock, width);
      for (int y = by; y < ey; ++y) {
        const uint8_t* from = origin + y * step_y + bx * step_x;
        uint8_t* p = out.data() + y * to.stride + int64_t{bx} * 3;
        for (int x = bx; x < ex; ++x, from += step_x, p += 3) {
          p[0] = from[0];
          p[1] = from[1];
          p[2] = from[2];
        }
      }
    }
  }
  return {out.data(), height, width, to.stride};
}

}  // namespace

PictureConverter::~PictureConverter() { sws_freeContext(scaler_); }

void PictureConverter::prepare(const AVFrame& frame, bool deep) {
  bool full = frame.color_range == AVCOL_RANGE_JPEG;
  const AVPixelFormat format = plain_format(frame.format, full);
  // Grey is stored at full range unless the file says otherwise.
  const AVPixFmtDescriptor* descriptor = av_pix_fmt_desc_get(format);
  if (descriptor != nullptr && descriptor->nb_components <= 2 &&
      frame.color_range == AVCOL_RANGE_UNSPECIFIED) {
    full = true;
  }
  if (frame.width < 1 || frame.height < 1 || frame.width > kMaxSide || frame.height > kMaxSide ||
      int64_t{frame.width} * frame.height > kMaxPixels) {
    throw Error(
        ErrorCode::kUnsupported,
        "decode: a picture of {}x{}, over {} on a side"_text(frame.width, frame.height, kMaxSide),
        "scale it down first"_text);
  }
  const int matrix = frame.colorspace;
  if (scaler_ != nullptr && width_ == frame.width && height_ == frame.height && format_ == format &&
      matrix_ == matrix && range_ == full && deep_ == deep) {
    return;
  }
  sws_freeContext(scaler_);
  // Chroma is interpolated smoothly and rounded exactly: the fast ways are ten levels off.
  const int flags = SWS_BICUBIC | SWS_FULL_CHR_H_INT | SWS_ACCURATE_RND;
  scaler_ = sws_isSupportedInput(format)
                ? sws_getContext(frame.width, frame.height, format, frame.width, frame.height,
                                 deep ? AV_PIX_FMT_RGB48 : AV_PIX_FMT_RGB24, flags, nullptr,
                                 nullptr, nullptr)
                : nullptr;
  if (scaler_ == nullptr) {
    const char* name = av_get_pix_fmt_name(format);
    throw Error(
        ErrorCode::kUnsupported,
        "decode: the pixel format {} of {}x{} cannot be shown"_text(
            name == nullptr ? Text("(none)"_text) : Text::value(name), frame.width, frame.height),
        "convert the file to an 8-bit format first"_text);
  }
  sws_setColorspaceDetails(scaler_, sws_getCoefficients(matrix), full,
                           sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);
  width_ = frame.width;
  height_ = frame.height;
  format_ = format;
  matrix_ = matrix;
  range_ = full;
  deep_ = deep;
}

void PictureConverter::map_colours(const AVFrame& frame, const Colour& colour) {
  if (!tone_map_ || tone_map_->colour() != colour) tone_map_ = std::make_unique<ToneMap>(colour);
  const int64_t stride = padded_stride(width_);  // in values of 16 bits
  wide_.resize(static_cast<size_t>(stride) * height_ + kTail);
  uint8_t* planes[4] = {reinterpret_cast<uint8_t*>(wide_.data()), nullptr, nullptr, nullptr};
  const int strides[4] = {static_cast<int>(stride * 2), 0, 0, 0};
  sws_scale(scaler_, frame.data, frame.linesize, 0, height_, planes, strides);
  for (int64_t y = 0; y < height_; ++y) {
    tone_map_->map_row(wide_.data() + y * stride, rgb_.data() + y * stride, width_);
  }
}

ConstImage PictureConverter::convert(const AVFrame& frame, int rotation, bool mirrored, double peak,
                                     bool narrow_gamut) {
  const Colour colour = colour_of(frame, peak);
  const bool mapped = colour.is_hdr() || (narrow_gamut && colour.primaries != Primaries::kBt709);
  prepare(frame, mapped);
  const int64_t stride = padded_stride(width_);
  rgb_.resize(static_cast<size_t>(stride) * height_ + kTail);
  if (mapped) {
    map_colours(frame, colour);
  } else {
    uint8_t* planes[4] = {rgb_.data(), nullptr, nullptr, nullptr};
    const int strides[4] = {static_cast<int>(stride), 0, 0, 0};
    sws_scale(scaler_, frame.data, frame.linesize, 0, height_, planes, strides);
  }
  const ConstImage image{rgb_.data(), height_, width_, stride};
  if (rotation == 0 && !mirrored) return image;
  return turn(image, rotation, mirrored, turned_);
}

}  // namespace shijian::video
