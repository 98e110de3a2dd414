// An MP4 file by libavformat, its index in front. Internal to video/.
#pragma once

#include <functional>

#include "video/media_input.h"

namespace shijian::video {

// Throws Error(kIo) when the disk is full, kUnsupported for what MP4 does not hold. Not
// thread-safe.
class Mp4Writer {
 public:
  // `output`: an empty file open for reading and writing, which stays the caller's. `on_write` is
  // called for every piece that goes there.
  Mp4Writer(int output, std::function<void()> on_write);
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
  struct File;
  AVIOContext* open(bool for_writing);
  static int open_again(AVFormatContext* format, AVIOContext** io, const char* url, int flags,
                        AVDictionary** options);
  static int close(AVFormatContext* format, AVIOContext* io);

  const int output_;
  const std::function<void()> on_write_;
  AVFormatContext* format_ = nullptr;
  bool begun_ = false;
};

// Throws for a libav status below 0: "cut clip: `step`: …".
void require_cut(int status, const Text& step);

}  // namespace shijian::video
