// What every use of libav shares: limits, who frees its objects, its log, its errors. Internal to
// video/.
#pragma once

#include <memory>
#include <string>

#include "base/text.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

namespace shijian::video {

// Limits on what a file may ask for before anything is allocated.
constexpr int kMaxSide = 16384;
constexpr int64_t kMaxPixels = int64_t{1} << 28;
constexpr int64_t kMaxFrameCount = int64_t{1} << 24;  // 74 hours at 60 a second

constexpr int kCodecThreads = 2;   // of a codec that works through a whole part of a file
constexpr int kIoBytes = 1 << 16;  // libav's buffer, on either side

struct AvFree {
  void operator()(AVFrame* p) const { av_frame_free(&p); }
  void operator()(AVPacket* p) const { av_packet_free(&p); }
  void operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
};
using FramePtr = std::unique_ptr<AVFrame, AvFree>;
using PacketPtr = std::unique_ptr<AVPacket, AvFree>;
using CodecPtr = std::unique_ptr<AVCodecContext, AvFree>;

// Error(kNoMemory) where there is none.
FramePtr make_frame();
PacketPtr make_packet();

// Sends libav's log to memory instead of stderr, for the whole process, from the first call on.
// Thread-safe, as are all below.
void silence_libav();
// The last warning or error that libav logged since; "" when there was none.
std::string libav_log();
// True when a decoder or parser, not a demuxer, logged something since silence_libav().
bool decoder_warned();
// What libav says of a status below 0.
Text libav_words(int code);
// The last thing that it logged, else its words for `code`.
Text libav_reason(int code);
// For a status below 0. Error(kIo) when the disk is full or failed, std::bad_alloc, else
// Error(kUnsupported).
[[noreturn]] void throw_libav(int status, const Text& message);

}  // namespace shijian::video
