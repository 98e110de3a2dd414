#include "video/packet_log.h"

#include <algorithm>

#include "base/error.h"
#include "video/picture_headers.h"
#include "video/start_timecode.h"

namespace shijian::video {
namespace {

// Pictures that are shown before the key packet before them follow it at once; later ones have
// another clock.
constexpr int64_t kLeading = 64;

// Pictures that are drawn over the ones before, all marked as key frames.
bool draws_over(AVCodecID codec) { return codec == AV_CODEC_ID_GIF || codec == AV_CODEC_ID_APNG; }

}  // namespace

PacketLog read_packet_log(MediaInput& input) {
  PacketLog log;
  const AVCodecID codec = input.video()->codecpar->codec_id;
  PictureHeaders headers(*input.video()->codecpar);
  const PacketPtr packet = make_packet();
  int64_t first_pts = AV_NOPTS_VALUE;
  bool begun = false;
  while (input.read(packet.get())) {
    if (log.shown >= kMaxFrameCount || std::ssize(log.packets) >= 4 * kMaxFrameCount) {
      throw Error(ErrorCode::kUnsupported,
                  "open video {}: more than {} frames"_text(input.name(), kMaxFrameCount),
                  "cut the video into parts"_text);
    }
    if (log.packets.empty()) {
      log.timecode = gop_timecode(codec, *packet);
    }
    const PictureFacts facts = headers.look(*packet);
    PacketFacts& entry = log.packets.emplace_back();
    entry.pts = packet->pts;
    entry.dts = packet->dts;
    entry.duration = packet->duration;
    entry.key = (packet->flags & AV_PKT_FLAG_KEY) != 0 && (!begun || !draws_over(codec));
    entry.bidirectional = facts.bidirectional;
    entry.shown = facts.shown;
    entry.suspect = (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
    log.field_pairs = log.field_pairs || facts.second_field;
    log.doubtful = log.doubtful || facts.doubtful;
    log.bidirectional = log.bidirectional || facts.bidirectional;
    if (facts.shown) ++log.shown;
    // What an edit list hides is decoded all the same.
    if (!begun && packet->size > 0) {
      begun = true;
      log.starts_clean = entry.key && headers.starts_clean(*packet);
      first_pts = packet->pts;
    } else if (facts.shown) {
      const bool before = packet->pts != AV_NOPTS_VALUE && packet->pts < first_pts;
      if ((before && std::ssize(log.packets) <= kLeading) ||
          (log.shown == 2 && facts.bidirectional)) {
        log.starts_clean = false;
      }
    }
  }
  return log;
}

bool lacks_presentation_times(const PacketLog& log) {
  bool missing = false;
  for (const PacketFacts& p : log.packets) {
    if (!p.shown) continue;
    const bool told = p.pts != AV_NOPTS_VALUE;
    if (p.dts == AV_NOPTS_VALUE || (told && p.pts != p.dts)) return false;
    missing = missing || !told;
  }
  return missing;
}

bool decoding_clock_stands(const PacketLog& log) {
  int64_t last = AV_NOPTS_VALUE;
  bool stands = false;
  for (const PacketFacts& p : log.packets) {
    if (!p.shown) continue;
    if (p.dts == AV_NOPTS_VALUE) return false;
    stands = stands || p.dts == last;
    last = p.dts;
  }
  return stands;
}

}  // namespace shijian::video
