// An MP4 file by libavformat, its index in front. Internal to video/.
#pragma once

#include <filesystem>

#include "video/media_input.h"

namespace shijian {

// Throws Error(kIo) when the disk is full, kUnsupported for what MP4 does not hold. Not
// thread-safe.
class Mp4Writer {
 public:
  explicit Mp4Writer(const std::filesystem::path& output);
  ~Mp4Writer();
  Mp4Writer(const Mp4Writer&) = delete;
  Mp4Writer& operator=(const Mp4Writer&) = delete;

  // All tracks before the first packet. `source`, which may be null, gives rotation and language.
  // Return the track's number.
  int add_track(const AVCodecParameters& codec, AVRational time_base, const AVStream* source);
  int add_track(const AVCodecContext& encoder, const AVStream* source);
  // Packets of one track come in decoding order, times in `time_base`. Takes what it holds.
  void write(AVPacket* packet, int track, AVRational time_base);
  void finish();

 private:
  AVFormatContext* format_ = nullptr;
  bool begun_ = false;
};

// Throws the Error for a libav status below 0: "cut clip: `operation`: …".
void require_cut(int status, const char* operation);

}  // namespace shijian
