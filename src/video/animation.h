// Animated pictures: GIF, APNG and WebP with more than one frame. Internal to video/.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/file.h"

extern "C" {
#include <libavcodec/packet.h>
#include <libavutil/frame.h>
}

struct WebPAnimDecoder;

namespace shijian::video {

// By its structure alone: at least two pictures follow each other. Any bytes are safe.
bool is_animation(std::span<const std::byte> bytes);
// Whether it is a GIF or a PNG without the trailer that closes one. Any bytes are safe.
bool lacks_trailer(std::span<const std::byte> bytes);
bool is_webp(std::span<const std::byte> bytes);

// Blends the picture with white, as pages show it, where it is 8-bit RGBA or BGRA. Throws
// Error(kNoMemory).
void flatten(AVFrame& frame);

// The frames of an animated WebP, put together as they are shown. libwebp decodes: FFmpeg reads
// still ones alone. Not thread-safe.
class WebpAnimation {
 public:
  // Throws Error: kInvalid, kUnsupported (over the limits on sizes and counts).
  WebpAnimation(MappedFile file, const std::string& name);
  ~WebpAnimation();
  WebpAnimation(const WebpAnimation&) = delete;
  WebpAnimation& operator=(const WebpAnimation&) = delete;

  int width() const { return width_; }
  int height() const { return height_; }
  int64_t frames() const { return frames_; }

  // RGBA [height, width, 4] with its time and duration in milliseconds. 0, AVERROR_EOF at the end,
  // or another error of libav where a frame does not decode.
  int next(AVPacket* packet);
  // The next frame's picture, [height, width, 4], until the next call; null at the end and where it
  // does not decode. `end`: when it ends by the file's clock, in milliseconds.
  const uint8_t* next_picture(int& end);

 private:
  MappedFile file_;
  std::vector<uint8_t> part_;  // of a file that is cut short: what is whole of it
  WebPAnimDecoder* decoder_ = nullptr;
  int width_ = 0, height_ = 0;
  int64_t frames_ = 0;
  int before_ = 0;  // the file's time at which the last frame ended
  int64_t at_ = 0;  // the same as it is shown
};

}  // namespace shijian::video
