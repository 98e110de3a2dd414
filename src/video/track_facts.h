// What a file says of a video track and libavformat does not pass on. Internal to video/.
#pragma once

#include <string>

#include "video/input_file.h"

extern "C" {
#include <libavformat/avformat.h>
}

namespace shijian::video {

// Whether the pictures are scrambled for players that hold a key, as the container says: sample
// entries and ContentEncodings, scrambling bits of transport and program streams, the protection of
// ASF. Some containers tell packet by packet instead: is_encrypted(packet).
bool is_encrypted(const InputFile& file, const AVFormatContext& format, const AVStream& stream);
bool is_encrypted(const AVPacket& packet);

// The codec as the file names it, where libavcodec does not know it; "" when the file does not.
std::string codec_in_file(const InputFile& file, const AVFormatContext& format,
                          const AVStream& stream);

// The brand of a file of boxes that holds pictures as items, as AVIF and HEIF do, and no track; ""
// for any other.
std::string still_picture_brand(const InputFile& file);

}  // namespace shijian::video
