#include "video/animation.h"

#include <webp/demux.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "video/media_input.h"

namespace shijian::video {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kPng = "\x89PNG\r\n\x1a\n"sv;
// Browsers take a delay of no more than `kTooShort` for one of `kUsual`, of GIF as of WebP.
constexpr int kTooShort = 10, kUsual = 100;  // milliseconds

uint32_t number(std::string_view text, size_t at, size_t bytes, bool big) {
  uint32_t value = 0;
  for (size_t i = 0; i < bytes; ++i) {
    value = value << 8 | static_cast<uint8_t>(text[big ? at + i : at + bytes - 1 - i]);
  }
  return value;
}

// Past sub-blocks, each of which says its length in one byte, up to an empty one.
size_t after_blocks(std::string_view text, size_t at) {
  while (at < text.size() && text[at] != 0) at += size_t{1} + static_cast<uint8_t>(text[at]);
  return at + 1;
}

size_t colours(uint8_t flags) { return flags & 0x80 ? size_t{3} << ((flags & 7) + 1) : 0; }

constexpr char kExtension = 0x21, kPicture = 0x2c;  // what parts of a GIF begin with

// Where the parts begin, all of them behind `text` where it has no room for a header.
size_t first_part(std::string_view text) {
  return text.size() < 13 ? text.size() : 13 + colours(static_cast<uint8_t>(text[10]));
}

size_t after_part(std::string_view text, size_t at) {
  if (text[at] == kExtension) return after_blocks(text, at + 2);
  if (text[at] != kPicture || at + 10 >= text.size()) return text.size();
  return after_blocks(text, at + 11 + colours(static_cast<uint8_t>(text[at + 9])));
}

bool gif_moves(std::string_view text) {
  int pictures = 0;
  for (size_t at = first_part(text); at + 10 < text.size(); at = after_part(text, at)) {
    if (text[at] == kPicture && ++pictures == 2) return true;
  }
  return false;
}

bool gif_lacks_end(std::string_view text) {
  for (size_t at = first_part(text); at < text.size(); at = after_part(text, at)) {
    // The trailer, or something unknown.
    if (text[at] != kExtension && text[at] != kPicture) return false;
  }
  return true;
}

bool png_lacks_end(std::string_view text) {
  for (size_t at = kPng.size(); at + 12 <= text.size();) {
    if (text.substr(at + 4, 4) == "IEND") return false;
    at += size_t{12} + number(text, at, 4, true);
  }
  return true;
}

// The animation control stands before the first picture's data.
bool png_moves(std::string_view text) {
  for (size_t at = kPng.size(); at + 12 <= text.size();) {
    const std::string_view type = text.substr(at + 4, 4);
    if (type == "acTL") return number(text, at + 8, 4, true) > 1;
    if (type == "IDAT") return false;
    at += size_t{12} + number(text, at, 4, true);
  }
  return false;
}

bool webp_moves(std::string_view text) {
  int pictures = 0;
  for (size_t at = 12; at + 8 <= text.size();) {
    if (text.substr(at, 4) == "ANMF" && ++pictures == 2) return true;
    const size_t size = number(text, at + 4, 4, false);
    at += 8 + size + size % 2;
  }
  return false;
}

// Up to the end of the last frame that is all there, as a file of its own; empty where none is.
std::vector<uint8_t> whole_part(std::span<const std::byte> bytes) {
  constexpr size_t kRiff = 8;  // what its size does not count
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  size_t end = 0;
  for (size_t at = 12; at + 8 <= text.size();) {
    const size_t size = number(text, at + 4, 4, false), next = at + 8 + size + size % 2;
    if (next > text.size()) break;
    if (text.substr(at, 4) == "ANMF") end = next;
    at = next;
  }
  std::vector<uint8_t> part(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end));
  for (size_t i = 0; i < 4 && end > 0; ++i) {
    part[4 + i] = static_cast<uint8_t>((end - kRiff) >> (8 * i));
  }
  return part;
}

}  // namespace

bool is_webp(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.starts_with("RIFF"sv) && text.substr(0, 12).ends_with("WEBP"sv);
}

bool is_animation(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("GIF8"sv)) return gif_moves(text);
  if (text.starts_with(kPng)) return png_moves(text);
  return is_webp(bytes) && webp_moves(text);
}

bool lacks_trailer(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("GIF8"sv)) return gif_lacks_end(text);
  return text.starts_with(kPng) && png_lacks_end(text);
}

void flatten(AVFrame& frame) {
  if (frame.format != AV_PIX_FMT_RGBA && frame.format != AV_PIX_FMT_BGRA) return;
  if (av_frame_make_writable(&frame) < 0) {
    throw Error(ErrorCode::kNoMemory, "decode: no memory for a frame"_text);
  }
  for (int y = 0; y < frame.height; ++y) {
    uint8_t* p = frame.data[0] + int64_t{y} * frame.linesize[0];
    for (int x = 0; x < frame.width; ++x, p += 4) {
      for (int c = 0; c < 3; ++c) {
        p[c] = static_cast<uint8_t>((p[c] * p[3] + 255 * (255 - p[3]) + 127) / 255);
      }
      p[3] = 255;
    }
  }
}

WebpAnimation::WebpAnimation(MappedFile file, const std::string& name) : file_(std::move(file)) {
  const auto bytes = file_.bytes();
  WebPData data{reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  WebPAnimDecoderOptions options;
  WebPAnimDecoderOptionsInit(&options);
  options.color_mode = MODE_RGBA;
  // Sizes are looked at before the decoder allocates pictures of them.
  WebPDemuxer* demuxer = WebPDemux(&data);
  if (demuxer == nullptr) {
    // Of a file that is cut short libwebp's decoder shows nothing at all.
    part_ = whole_part(bytes);
    data = {part_.data(), part_.size()};
    demuxer = WebPDemux(&data);
  }
  if (demuxer != nullptr) {
    width_ = static_cast<int>(WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH));
    height_ = static_cast<int>(WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT));
    frames_ = WebPDemuxGetI(demuxer, WEBP_FF_FRAME_COUNT);
    WebPDemuxDelete(demuxer);
  }
  if (demuxer == nullptr || width_ < 1 || height_ < 1 || frames_ < 1) {
    throw Error(ErrorCode::kInvalid, "open video {}: the WebP file is damaged"_text(name),
                "the file is damaged or cut short: copy or download it again"_text);
  }
  if (width_ > kMaxSide || height_ > kMaxSide || int64_t{width_} * height_ > kMaxPixels) {
    throw Error(ErrorCode::kUnsupported,
                "open video {}: its pictures are {}x{}, over {} on a side"_text(name, width_,
                                                                                height_, kMaxSide),
                "scale the video down first"_text);
  }
  decoder_ = WebPAnimDecoderNew(&data, &options);
  if (decoder_ == nullptr) throw std::bad_alloc();
}

WebpAnimation::~WebpAnimation() { WebPAnimDecoderDelete(decoder_); }

const uint8_t* WebpAnimation::next_picture(int& end) {
  uint8_t* rgba = nullptr;
  return WebPAnimDecoderGetNext(decoder_, &rgba, &end) ? rgba : nullptr;
}

int WebpAnimation::next(AVPacket* packet) {
  if (!WebPAnimDecoderHasMoreFrames(decoder_)) return AVERROR_EOF;
  int end = 0;
  const uint8_t* rgba = next_picture(end);
  if (rgba == nullptr) return AVERROR_INVALIDDATA;
  const int64_t bytes = int64_t{width_} * height_ * 4;
  if (const int status = av_new_packet(packet, static_cast<int>(bytes)); status < 0) return status;
  std::memcpy(packet->data, rgba, static_cast<size_t>(bytes));
  const int delay = std::max(0, end - before_);
  before_ = end;
  packet->pts = packet->dts = at_;
  packet->duration = delay <= kTooShort ? kUsual : delay;
  packet->flags |= AV_PKT_FLAG_KEY;
  packet->stream_index = 0;
  at_ += packet->duration;
  return 0;
}

}  // namespace shijian::video
