// The time code that a file gives its first frame. Internal to video/.
#pragma once

#include <string>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

namespace shijian::video {

// Of the header: a tmcd track, MXF's packages, DV, tags. "HH:MM:SS:FF", ";" before the frames where
// it drops numbers; "" when there is none.
std::string header_timecode(const AVFormatContext& format, const AVStream& video);

// Of a group of pictures in MPEG-1 and MPEG-2; "" when the packet begins none, and for 0, which
// encoders write that know of no time code.
std::string gop_timecode(AVCodecID codec, const AVPacket& packet);

}  // namespace shijian::video
