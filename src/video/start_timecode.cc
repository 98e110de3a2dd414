#include "video/start_timecode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/smpte.h"

namespace shijian::video {
namespace {

// In one form, whatever the rate of the frames is.
std::string checked(const AVDictionary* metadata) {
  constexpr EditRate kHighest{1000, 1};
  const AVDictionaryEntry* entry = av_dict_get(metadata, "timecode", nullptr, 0);
  if (entry == nullptr || !read_time_code(entry->value, kHighest)) return "";
  std::string text = entry->value;
  std::replace(text.begin(), text.end(), '.', ';');
  return text;
}

}  // namespace

std::string header_timecode(const AVFormatContext& format, const AVStream& video) {
  std::string found = checked(video.metadata);
  if (found.empty()) found = checked(format.metadata);
  for (unsigned i = 0; found.empty() && i < format.nb_streams; ++i) {
    const AVStream& stream = *format.streams[i];
    if (stream.codecpar->codec_type == AVMEDIA_TYPE_DATA) found = checked(stream.metadata);
  }
  return found;
}

std::string gop_timecode(AVCodecID codec, const AVPacket& packet) {
  if (codec != AV_CODEC_ID_MPEG2VIDEO && codec != AV_CODEC_ID_MPEG1VIDEO) return "";
  constexpr std::array<uint8_t, 4> kGroup = {0, 0, 1, 0xB8};
  const uint8_t* const begin = packet.data;
  const uint8_t* const end = begin + packet.size;
  const uint8_t* at = std::search(begin, end, kGroup.begin(), kGroup.end());
  if (end - at < 8) return "";
  at += kGroup.size();
  // One bit for drop, then hours, minutes, a one, seconds and pictures.
  const uint32_t bits = static_cast<uint32_t>(at[0]) << 24 | at[1] << 16 | at[2] << 8 | at[3];
  const uint32_t hours = bits >> 26 & 31, minutes = bits >> 20 & 63, seconds = bits >> 13 & 63,
                 pictures = bits >> 7 & 63;
  if (hours > 23 || minutes > 59 || seconds > 59) return "";
  if (hours + minutes + seconds + pictures == 0) return "";
  return fmt::format("{:02}:{:02}:{:02}{}{:02}", hours, minutes, seconds, bits >> 31 ? ';' : ':',
                     pictures);
}

}  // namespace shijian::video
