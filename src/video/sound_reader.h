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
  // Places sample 0 at `clock`, in seconds of the container's clock; where that clock jumps, in
  // seconds of its first clock continued. `info` describes `video`. Throws Error(kUnsupported) when
  // the sound cannot be opened.
  SoundReader(const InputFile& video, const VideoInfo& info, const std::stop_token& cancel,
              double clock, const SampleFormat& format);
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
  // A place where the pictures' clock jumps. The pieces of the file lie between them.
  struct Joint {
    int64_t packet = 0;            // number of the video packet behind it
    double before = 0, after = 0;  // seconds of the container's clock at the pictures beside it
    double begin = 0;              // of the piece behind it, in seconds of the first clock
    double shift = 0;              // from that piece's clock to the first one
  };

  void open(const InputFile& video, const std::stop_token& cancel);
  void find_joints(const VideoInfo& info);
  PacketPtr next_packet();  // of the sound; null at the end
  bool switch_to_successor();
  bool decode();  // one packet more; false at the end
  void pass_picture(const AVPacket& packet);
  bool is_near(const Joint& joint) const;  // from the place that is read now
  size_t piece_of(double raw, double& off) const;
  void follow_clock(AVPacket& packet);
  void take_frame(AVFrame& frame);
  bool prepare(const AVFrame& frame);
  void append(int64_t at, int64_t count);  // of converted_
  void add_silence(int64_t count);

  const double clock_;
  const SampleFormat format_;
  std::vector<Joint> joints_;
  int64_t pictures_ = 0;   // video packets read
  double picture_ = NAN;   // seconds of the container's clock at the last of them
  size_t passed_ = 0;      // joints that they have passed
  size_t piece_ = 0;       // joints that the sound has passed
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
  bool begun_ = false;                       // the stream may have had packets before
  std::vector<int> parallel_streams_;        // audio streams that run in parallel to this one
  std::deque<PacketPtr> successor_packets_;  // packets of a stream that may continue this one
};

}  // namespace shijian::video
