// The containers and codecs that are read as videos: one table that openers, the server and the
// page follow.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace shijian::video {

struct VideoFormat {
  const char* demuxer;     // a word of libavformat's name
  const char* media_type;  // of HTTP
  const char* extensions;  // usual endings, "mp4,m4v"; files are told by content, never by these
};

std::span<const VideoFormat> video_formats();

// Whether libavformat's demuxer of that name is in the table.
bool is_video_format(std::string_view demuxer);

// Of a container as VideoInfo names it; "application/octet-stream" for others.
std::string media_type_of(std::string_view container);

// Every ending of the table with its dot, ".mp4,.m4v,…", as a file picker takes it.
std::string video_extensions();

// libavcodec's names of the decoders for pictures that may run, separated by commas.
extern const char* const kVideoDecoders;

}  // namespace shijian::video
