// What a program and its decoding child say to each other. Internal to video/.
//
// A message is its bulk in kPiece packets, then one packet of its type with its head.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "process/channel.h"
#include "video/clip.h"
#include "video/plan.h"
#include "video/probe.h"
#include "video/scan.h"

namespace shijian::video {

enum MessageType : uint32_t {
  kPiece = 1,
  kRequest,    // bulk: Request
  kInfo,       // bulk: VideoInfo; the answer to a probe
  kFrame,      // bulk: a frame's pixels; head: `shown`, an int64_t
  kDecoded,    // head: a bool, whether some data could not be decoded; all frames have come
  kScanned,    // bulk: VideoScan
  kImage,      // bulk: a still image's pixels; head: ImageHead
  kHeartbeat,  // an answer is being computed
  kCut,        // bulk: ClipResult; the clip is written
  kFailed,     // bulk: Failure
};

enum class Task : uint8_t { kProbe, kDecode, kScan, kImage, kCut };

struct Request {
  uint8_t task = 0;          // a Task
  std::string name;          // of the file, for messages
  int stream = kMainStream;  // of the file
  int64_t memory_bytes = 0;
  int64_t cpu_seconds = 0;
  VideoInfo info;  // to decode, to scan and to cut
  // To decode. Of the plan only what decides the pixels.
  int height = 0, width = 0;
  std::vector<int64_t> indices;
  int threads = 1;       // of the decoder
  int pool_threads = 1;  // of the resize
  bool source_size = false;
  // To cut, into the second open file.
  std::vector<ClipSpan> parts;
  uint8_t mode = 0;        // a ClipMode
  int64_t file_bytes = 0;  // that it may become
};

// What is done, for messages.
inline Text operation(const Request& request) {
  return static_cast<Task>(request.task) == Task::kCut ? "cut clip of {}"_text(request.name)
                                                       : "decode {}"_text(request.name);
}

struct ImageHead {
  std::string format;
  int64_t height = 0, width = 0;
};

struct Failure {
  int32_t code = 0;  // an ErrorCode
  Text message, hint;
};

void each_field(auto& wire, Rational& r) { wire(r.num, r.den); }
void each_field(auto& wire, Track& t) {
  wire(t.type, t.codec, t.language, t.index, t.width, t.height, t.programme, t.title);
}
void each_field(auto& wire, KeyFrame& k) { wire(k.frame, k.pts, k.dts, k.packet); }
void each_field(auto& wire, ClockJump& j) { wire(j.time, j.shift); }
void each_field(auto& wire, Hidden& h) { wire(h.at, h.bytes); }
void each_field(auto& wire, VideoInfo& v) {
  wire(v.stream, v.container, v.codec, v.pixel_format, v.bit_depth, v.color_range, v.color_matrix,
       v.color_transfer, v.peak_luminance, v.coded_width, v.coded_height, v.sample_aspect,
       v.rotation, v.mirrored, v.width, v.height, v.frame_count, v.frame_rate, v.variable_rate,
       v.start_time, v.duration, v.container_duration, v.time_base, v.origin, v.frame_pts,
       v.key_frames, v.order_only, v.start_timecode, v.frame_packets, v.clock_jumps, v.field_pairs,
       v.hidden, v.followed, v.tracks, v.damaged, v.notes);
}
void each_field(auto& wire, VideoScan& s) { wire(s.activity, s.cuts); }
void each_field(auto& wire, ClipSpan& c) { wire(c.from, c.to); }
void each_field(auto& wire, ClipResult& c) {
  auto state = static_cast<uint8_t>(c.sound.state);
  wire(c.parts, state, c.sound.codec, c.sound.reason);
  c.sound.state = static_cast<SoundState>(std::min(state, static_cast<uint8_t>(SoundState::kLost)));
}
void each_field(auto& wire, Request& r) {
  wire(r.task, r.name, r.stream, r.memory_bytes, r.cpu_seconds, r.info, r.height, r.width,
       r.indices, r.threads, r.pool_threads, r.source_size, r.parts, r.mode, r.file_bytes);
}
void each_field(auto& wire, ImageHead& i) { wire(i.format, i.height, i.width); }
void each_field(auto& wire, Text& t) {
  bool is_value = t.is_value();
  std::string form = t.form();
  std::vector<Text> arguments(t.arguments().begin(), t.arguments().end());
  wire(is_value, form, arguments);
  t = is_value ? Text::value(std::move(form)) : Text::filled(std::move(form), std::move(arguments));
}
void each_field(auto& wire, Failure& f) { wire(f.code, f.message, f.hint); }

// `head`: at most one packet. False when the other end is gone.
inline bool send_message(const process::Channel& to, MessageType type,
                         std::span<const std::byte> bulk, std::span<const std::byte> head = {}) {
  for (size_t at = 0; at < bulk.size(); at += process::Channel::kMaxPacket) {
    const size_t size = std::min(process::Channel::kMaxPacket, bulk.size() - at);
    if (!to.send(kPiece, bulk.subspan(at, size))) return false;
  }
  return to.send(type, head);
}

inline std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace shijian::video
