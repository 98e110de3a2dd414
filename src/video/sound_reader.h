// A stretch of a video's sound as samples. Internal to video/.
#pragma once

#include <cmath>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "video/media_input.h"
#include "video/probe.h"

struct SwrContext;

namespace shijian::video {

using Samples = std::vector<std::deque<float>>;  // [channels][samples]

struct SampleFormat {
  int rate = 48000;  // samples a second
  int channels = 2;  // 1 or 2
};

// Not thread-safe.
class SoundReader {
 public:
  // Sample 0 is at `clock`, seconds of the container's clock; where that jumps, of its first clock,
  // gone on. `jumps` is the video's, and outlives this. Error(kUnsupported) when the sound cannot
  // be opened.
  SoundReader(const InputFile& video, const std::stop_token& cancel, double clock,
              const SampleFormat& format, const std::vector<ClockJump>& jumps);
  ~SoundReader();
  SoundReader(const SoundReader&) = delete;
  SoundReader& operator=(const SoundReader&) = delete;

  // Decodes until `count` samples are there; false when the sound ends before.
  bool fill(int64_t count);
  // Moves the next `count` samples to the end of `to`, silence where there are none.
  void take(int64_t count, Samples& to);
  // Some packets could not be decoded.
  bool damaged() const { return damaged_; }

 private:
  void open(const InputFile& video, const std::stop_token& cancel);
  bool decode();  // one packet more; false at the end
  void follow_clock(AVPacket& packet);
  void take_frame(AVFrame& frame);
  bool prepare(const AVFrame& frame);
  void append(int64_t at, int64_t count);  // of converted_
  void add_silence(int64_t count);

  const double clock_;
  const SampleFormat format_;
  const std::vector<ClockJump>& jumps_;
  size_t passed_ = 0;      // of them
  double shift_ = 0;       // seconds from the clock that is read to the first one
  bool jumped_ = false;    // what is decoded next has its place to the sample, since shift_ is new
  double expected_ = NAN;  // seconds of the first clock at which the next packet begins
  std::unique_ptr<MediaInput> input_;
  AVStream* stream_ = nullptr;
  CodecPtr decoder_;
  SwrContext* resampler_ = nullptr;
  AVChannelLayout layout_{};                   // with source_format_ and source_rate_: what
  int source_format_ = -1, source_rate_ = 0;   // resampler_ takes
  int64_t decoded_ = 0;                        // samples so far, silence included
  std::vector<std::vector<float>> converted_;  // [channels][samples] of one decoded frame
  Samples waiting_;                            // not taken yet
  int64_t silence_ = 0;                        // samples of it that follow those of waiting_
  Samples behind_silence_;
  bool damaged_ = false;
};

}  // namespace shijian::video
