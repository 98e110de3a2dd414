// The pictures of a part of a video, encoded again as H.264. Internal to video/.
#pragma once

#include <cstdint>
#include <functional>

#include "video/media_input.h"
#include "video/picture.h"
#include "video/probe.h"

struct SwsContext;

namespace shijian::video {

// Not thread-safe; `info` outlives it.
class ClipPictures {
 public:
  using Sink = std::function<void(AVPacket*)>;  // packets in ticks of the time base

  // Error(kUnsupported) where libavcodec has no encoder for H.264.
  ClipPictures(const VideoInfo& info, AVRational time_base);
  ~ClipPictures();
  ClipPictures(const ClipPictures&) = delete;
  ClipPictures& operator=(const ClipPictures&) = delete;

  // Before encode(): this picture's size and colour are those of the clip.
  void open(const AVFrame& first);
  const AVCodecContext* encoder() const { return encoder_.get(); }

  void encode(const AVFrame& frame, int64_t pts, const Sink& sink);  // pts ascend
  void finish(const Sink& sink);

 private:
  void send(const AVFrame* frame, const Sink& sink);

  bool mapped(const AVFrame& frame) const;  // to BT.709

  const VideoInfo& info_;
  const AVRational time_base_;
  const AVCodec* codec_;
  CodecPtr encoder_;
  FramePtr picture_;
  SwsContext* scaler_ = nullptr;
  PictureConverter converter_;  // of colours that 8 bits of BT.709 do not hold
};

}  // namespace shijian::video
