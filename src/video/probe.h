// What a video file is: size, rotation, rate, tracks and the presentation time of every frame.
//
// probe() reads the packets of the video track, without decoding them. It opens that one regular
// file and nothing else: no playlist, no other protocol, no reference out of the file is followed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/cancel.h"

namespace shijian::video {

// Instead of a stream's index: the one that libavformat takes for the main one.
constexpr int kMainStream = -1;

struct Rational {
  int64_t num = 0;
  int64_t den = 1;
  double value() const { return static_cast<double>(num) / static_cast<double>(den); }
};

struct Track {
  std::string type;           // "video", "audio", "subtitle", "attachment" (a cover), "data"
  std::string codec;          // "h264", "aac", ...
  std::string language;       // ISO 639 code as the file writes it; may be empty
  int index = 0;              // of the stream in the file, as `--stream` takes it
  int width = 0, height = 0;  // of video, as coded
  int programme = 0;          // number of the service that it is part of; 0: none
  std::string title;          // its own, else the service's; may be empty
};

// A frame at which decoding can begin.
struct KeyFrame {
  int64_t frame = 0;  // index in presentation order
  int64_t pts = 0;    // in ticks of time_base
  int64_t dts = 0;
  int64_t packet = 0;  // its number in the track, in the order of the file
};

// Where a container's clock starts over, jumps or stands.
struct ClockJump {
  double time = 0;  // seconds on the timeline
  // Seconds to add to the container's clock after the jump to continue its first clock.
  double shift = 0;
};

// A range of a file's bytes.
struct Hidden {
  int64_t at = 0;
  int64_t bytes = 0;
};

// Plain data; copies freely. A "frame" is one that a player shows, counted from 0 in presentation
// order: packets that an edit list hides, packets without a picture and what cannot be decoded
// because the file begins after its key frame are not frames; two fields are one.
//
// The timeline is the one a player shows: 0 is the earlier of the first video frame and the first
// audio sample of the same programme (an encoder's audio priming before 0 does not count). Frame i
// is on it at frame_time(i) seconds.
struct VideoInfo {
  int stream = kMainStream;  // which stream of the file it is
  std::string container;     // a demuxer of formats.h: "mp4", "mov", "matroska", "webm", "avi", ...
  std::string codec;         // "h264", "hevc", "vp9", "av1", "mpeg4", "mjpeg", ...
  std::string pixel_format;
  int bit_depth = 8;
  std::string color_range;     // "limited", "full" or "unknown" (taken as limited)
  std::string color_matrix;    // "bt709", "smpte170m", "bt2020nc", ... "unknown" (taken as BT.601)
  std::string color_transfer;  // "smpte2084" and "arib-std-b67" are HDR: pictures are tone-mapped
  double peak_luminance = 0;   // cd/m² of the brightest white of HDR; 0 otherwise

  int coded_width = 0;  // the raster that the decoder delivers
  int coded_height = 0;
  Rational sample_aspect{1, 1};  // width of a pixel over its height
  int rotation = 0;       // degrees clockwise that a player turns the raster: 0, 90, 180, 270
  bool mirrored = false;  // mirrored left-right before that turn
  // Size as shown: square pixels (the shorter axis is stretched), then turned. The reference's
  // decoders ignore the pixel shape; for square pixels, which is nearly every file, the two agree.
  int width = 0;
  int height = 0;

  int64_t frame_count = 0;  // >= 1
  // Constant: every presentation time is first + i/rate within the rounding of the container's
  // clock, and frame_rate is that exact rate. Variable: the average.
  Rational frame_rate;
  bool variable_rate = false;
  double start_time = 0;          // frame_time(0)
  double duration = 0;            // where the last frame ends on the timeline
  double container_duration = 0;  // what the header claims for all tracks; 0 when it does not

  Rational time_base;                // seconds of one tick
  int64_t origin = 0;                // tick of the timeline's 0
  std::vector<int64_t> frame_pts;    // [frame_count] ticks, ascending
  std::vector<KeyFrame> key_frames;  // ascending by pts
  // The container gives no presentation times (AVI with B-frames): frames are told apart by their
  // order alone, so that decoding always reads from the start.
  bool order_only = false;
  // [frame_count], or empty where frames are told apart by their times: the numbers of their
  // packets in the track. The container's clock jumps, stands or is missing in places, and
  // frame_pts are mended: every frame has its place, each later than the one before.
  std::vector<int64_t> frame_packets;
  std::vector<ClockJump> clock_jumps;  // ascending
  bool field_pairs = false;            // some frames come as two packets, one a field

  // What the demuxer must not see, in the order of the file: headers of files that were joined, and
  // what is appended.
  std::vector<Hidden> hidden;

  // Of the first frame, as the file has it: "01:00:00:00", ";" before the frames where numbers are
  // dropped; "" when it has none. Not checked against the rate.
  std::string start_timecode;

  std::vector<Track> tracks;
  bool followed = false;    // another file is joined to this one and was not read, as by players
  bool damaged = false;     // the file is cut short, or parts of it cannot be read
  std::vector<Text> notes;  // what was odd and what was done about it, one line each

  int64_t video_streams() const;  // of the file
  // Seconds on the timeline. Constant rate: start_time + i/rate in double precision.
  double frame_time(int64_t frame) const;
  // Seconds as the reference's prompt counts them. The same as frame_time, except that with a
  // constant rate a start of less than one frame (audio priming) is left out, which gives the
  // reference's index/rate exactly.
  double prompt_time(int64_t frame) const;
  // The last frame whose time is <= seconds; 0 before the first.
  int64_t frame_at(double seconds) const;
};

// Throws Error: kNotFound, kPermission, kInvalid (empty, a directory, a FIFO, not a video, no video
// track, no frame), kUnsupported (encrypted, or a codec or a size beyond the limits), kCancelled.
// `stream`: a video stream's index among the tracks; kInvalid where that is no video.
VideoInfo probe(const std::filesystem::path& path, const std::stop_token& cancel = {},
                int stream = kMainStream);

}  // namespace shijian::video
