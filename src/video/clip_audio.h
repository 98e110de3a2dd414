// The sound of a part of a video, decoded and encoded again as AAC. Internal to video/.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "video/clip.h"
#include "video/media_input.h"

struct SwrContext;

namespace shijian {

// Not thread-safe.
class ClipAudio {
 public:
  using Sink = std::function<void(AVPacket*)>;  // packets in ticks of encoder()->time_base

  // Null when the video has no sound that can be decoded. `clock`: seconds of the container's
  // clock.
  static std::unique_ptr<ClipAudio> open(const InputFile& video, const ClipSpan& clock,
                                         const CancelToken& cancel);
  ~ClipAudio();
  ClipAudio(const ClipAudio&) = delete;
  ClipAudio& operator=(const ClipAudio&) = delete;

  const AVCodecContext* encoder() const { return encoder_.get(); }
  const AVStream* stream() const { return stream_; }

  // Encodes at least up to `seconds` after the clip's beginning, as far as there is sound.
  void encode_until(double seconds, const Sink& sink);
  void finish(const Sink& sink);  // all that is left

 private:
  ClipAudio(const ClipSpan& clock, std::unique_ptr<MediaInput> input, AVStream* stream,
            CodecPtr decoder);
  bool decode();  // one packet more; false at the end
  void take(AVFrame& frame);
  void append(int64_t at, int64_t count);  // of converted_
  void encode(int64_t count, const Sink& sink);
  void drain(const Sink& sink);

  const ClipSpan clock_;
  std::unique_ptr<MediaInput> input_;
  AVStream* stream_;
  CodecPtr decoder_, encoder_;
  SwrContext* resampler_ = nullptr;
  int format_ = -1, rate_ = 0, channels_ = 0;  // what resampler_ takes
  int64_t total_ = 0;                          // samples of the clip
  int64_t decoded_ = 0;                        // samples of it that are decoded, silence included
  int64_t encoded_ = 0;
  std::vector<std::vector<float>> converted_;  // [channels][samples] of one decoded frame
  std::vector<std::deque<float>> waiting_;     // [channels][samples] not encoded yet
};

}  // namespace shijian
