// One media file as libavformat sees it. Internal to video/.
#pragma once

#include <memory>
#include <string>

#include "base/cancel.h"
#include "base/error.h"
#include "video/input_file.h"
#include "video/libav.h"
#include "video/probe.h"

namespace shijian::video {

class WebpAnimation;

// Reads one open file by its descriptor. libavformat never opens anything itself: the format is
// told by content alone, only the containers of one table (formats.h) are accepted, and requests
// for further files or addresses are refused. Not thread-safe.
class MediaInput {
 public:
  // Reads headers and the first packets. Throws as probe() does.
  MediaInput(const InputFile& file, const std::stop_token& cancel);
  ~MediaInput();
  MediaInput(const MediaInput&) = delete;
  MediaInput& operator=(const MediaInput&) = delete;

  AVFormatContext* format() { return format_; }
  AVStream* video() const { return format_->streams[video_]; }
  const std::string& name() const { return file_.name(); }
  // Whether both streams are of one programme, and so of one clock. Streams outside any programme
  // are of all.
  bool same_programme(const AVStream& a, const AVStream& b) const;

  // From now on read() delivers the packets of the best audio track too; null when there is none.
  AVStream* add_audio();
  // Makes read() deliver the packets of the programme's other audio tracks too, in containers whose
  // tracks may begin anywhere in the file.
  void add_other_audio();
  // From now on `stream` is the track of add_audio().
  void take_audio(int stream) { audio_ = stream; }

  // The next packet of the video track; false at the end of what can be read. A packet that the
  // file's end cuts short is left out; others that lack something are marked as corrupt.
  bool read(AVPacket* packet);
  // True once read() ended at damage rather than at the file's end.
  bool damaged() const { return damaged_; }

  // Moves to the last key frame at or before `timestamp` (ticks); false when the file cannot.
  bool seek(int64_t timestamp);

  // A decoder for the video track; throws kUnsupported when there is none.
  CodecPtr make_decoder(int threads) const;
  // A decoder for the track of add_audio(); null when there is none for it.
  CodecPtr make_audio_decoder() const;

 private:
  struct Reading;
  void close();
  bool is_wanted(const AVPacket& packet) const;
  void keep_restart(AVPacket& packet);
  void open(bool patient);
  void require_moving(const char* container) const;
  void open_animation();
  bool lacks_picture() const;
  void choose_video();
  void refuse_tracks() const;
  Error encrypted() const;
  std::string codec_name() const;
  void require_readable() const;

  const InputFile file_;
  std::stop_token cancel_;
  std::unique_ptr<Reading> reading_;
  AVIOContext* io_ = nullptr;
  std::unique_ptr<WebpAnimation> animation_;  // instead of what libavformat would read
  AVFormatContext* format_ = nullptr;
  int video_ = -1;
  bool other_audio_ = false;
  int audio_ = -1;  // -1: not read
  int errors_ = 0;
  bool damaged_ = false;
  int64_t last_dts_ = AV_NOPTS_VALUE;  // ticks; of the video packet that was read last
  bool starts_over_ = false;           // a fragment whose clock does is being read
};

}  // namespace shijian::video
