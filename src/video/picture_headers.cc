#include "video/picture_headers.h"

#include <algorithm>
#include <new>
#include <span>

namespace shijian::video {
namespace {

// A VOP that is not coded has little more than its start code; so have pictures that change
// nothing.
constexpr int kDoubtfulBytes = 24;

// 0 for start codes. avcC and hvcC configurations begin with their version, 1.
int nal_length_bytes(const AVCodecParameters& track) {
  const bool h264 = track.codec_id == AV_CODEC_ID_H264, hevc = track.codec_id == AV_CODEC_ID_HEVC;
  const int at = h264 ? 4 : 21;
  if ((!h264 && !hevc) || track.extradata_size <= at || track.extradata[0] != 1) return 0;
  return (track.extradata[at] & 3) + 1;
}

// The first bytes of the NAL units of a packet.
template <typename Visit>
void each_nal(std::span<const uint8_t> data, int length_bytes, Visit visit) {
  if (length_bytes > 0) {
    while (std::ssize(data) > length_bytes) {
      size_t size = 0;
      for (int i = 0; i < length_bytes; ++i) size = size << 8 | data[i];
      data = data.subspan(length_bytes);
      if (size == 0 || size > data.size()) return;
      visit(data[0]);
      data = data.subspan(size);
    }
    return;
  }
  for (size_t i = 0; i + 3 < data.size(); ++i) {
    if (data[i] == 0 && data[i + 1] == 0 && data[i + 2] == 1) visit(data[i + 3]);
  }
}

// A VP8 frame that is only a reference for others.
bool invisible_vp8(const AVPacket& packet) { return (packet.data[0] & 0x10) == 0; }

// A VP9 frame that is not shown and that no superframe joins to one that is.
bool invisible_vp9(const AVPacket& packet) {
  const uint8_t head = packet.data[0], tail = packet.data[packet.size - 1];
  if ((head >> 6) != 2 || (tail & 0xe0) == 0xc0) return false;
  // After the profile: show_existing_frame, frame_type and show_frame.
  const int after = (head & 0x30) == 0x30 ? 0 : 1;
  const bool existing = head >> (after + 2) & 1, shown = head >> after & 1;
  return !existing && !shown;
}

// Where another file was joined to the end of one, its headers come as packets.
bool is_theora_header(const AVPacket& packet) { return (packet.data[0] & 0x80) != 0; }

// What the first picture header in a packet of MPEG-1, 2 or 4 says.
bool is_b_picture(AVCodecID codec, std::span<const uint8_t> data) {
  const bool mpeg4 = codec == AV_CODEC_ID_MPEG4;
  if (!mpeg4 && codec != AV_CODEC_ID_MPEG1VIDEO && codec != AV_CODEC_ID_MPEG2VIDEO) return false;
  const uint8_t picture = mpeg4 ? 0xb6 : 0;
  for (size_t i = 0; i + 5 < data.size(); ++i) {
    if (data[i] != 0 || data[i + 1] != 0 || data[i + 2] != 1 || data[i + 3] != picture) continue;
    return mpeg4 ? data[i + 4] >> 6 == 2 : (data[i + 5] >> 3 & 7) == 3;
  }
  return false;
}

bool is_mpeg4_family(AVCodecID codec) {
  return codec == AV_CODEC_ID_MPEG4 || codec == AV_CODEC_ID_MSMPEG4V2 ||
         codec == AV_CODEC_ID_MSMPEG4V3 || codec == AV_CODEC_ID_H263;
}

}  // namespace

bool may_reorder(AVCodecID codec) {
  const AVCodecDescriptor* descriptor = avcodec_descriptor_get(codec);
  return descriptor == nullptr || (descriptor->props & AV_CODEC_PROP_REORDER) != 0;
}

PictureHeaders::PictureHeaders(const AVCodecParameters& track)
    : codec_(track.codec_id), length_bytes_(nal_length_bytes(track)) {
  if (codec_ != AV_CODEC_ID_H264) return;
  context_.reset(avcodec_alloc_context3(nullptr));
  parser_ = av_parser_init(codec_);
  if (!context_ || parser_ == nullptr ||
      avcodec_parameters_to_context(context_.get(), &track) < 0) {
    throw std::bad_alloc();
  }
  parser_->flags |= PARSER_FLAG_COMPLETE_FRAMES;
}

PictureHeaders::~PictureHeaders() { av_parser_close(parser_); }

PictureFacts PictureHeaders::look(const AVPacket& packet) {
  PictureFacts facts;
  if ((packet.flags & AV_PKT_FLAG_DISCARD) || packet.size == 0) {
    facts.shown = false;
  } else if (codec_ == AV_CODEC_ID_VP8) {
    facts.shown = !invisible_vp8(packet);
  } else if (codec_ == AV_CODEC_ID_VP9) {
    facts.shown = !invisible_vp9(packet);
  } else if (codec_ == AV_CODEC_ID_THEORA) {
    facts.shown = !is_theora_header(packet);
  } else if (codec_ == AV_CODEC_ID_H264) {
    facts = look_at_h264(packet);
  } else {
    facts.doubtful = is_mpeg4_family(codec_) && packet.size <= kDoubtfulBytes;
    facts.bidirectional = is_b_picture(codec_, {packet.data, static_cast<size_t>(packet.size)});
  }
  return facts;
}

PictureFacts PictureHeaders::look_at_h264(const AVPacket& packet) {
  PictureFacts facts;
  uint8_t* data = nullptr;
  int size = 0;
  av_parser_parse2(parser_, context_.get(), &data, &size, packet.data, packet.size, packet.pts,
                   packet.dts, packet.pos);
  const int structure = parser_->picture_structure;
  facts.field =
      structure == AV_PICTURE_STRUCTURE_TOP_FIELD || structure == AV_PICTURE_STRUCTURE_BOTTOM_FIELD;
  facts.second_field = facts.field && open_field_ != 0 && open_field_ != structure;
  open_field_ = facts.field && !facts.second_field ? structure : 0;
  facts.shown = !facts.second_field;
  facts.bidirectional = parser_->pict_type == AV_PICTURE_TYPE_B;
  if (structure == AV_PICTURE_STRUCTURE_UNKNOWN) {
    bool slice = false;  // else parameter sets alone, or a filler
    each_nal({packet.data, static_cast<size_t>(packet.size)}, length_bytes_, [&](uint8_t first) {
      const int type = first & 31;
      slice = slice || type == 1 || type == 2 || type == 5;
    });
    facts.shown = slice;
  }
  return facts;
}

bool PictureHeaders::starts_clean(const AVPacket& packet) const {
  if (codec_ != AV_CODEC_ID_H264 && codec_ != AV_CODEC_ID_HEVC) return true;
  bool clean = false;
  each_nal({packet.data, static_cast<size_t>(packet.size)}, length_bytes_, [&](uint8_t first) {
    if (codec_ == AV_CODEC_ID_H264) {
      clean = clean || (first & 31) == 5;  // IDR
    } else {
      const int type = first >> 1 & 63;  // any IRAP picture
      clean = clean || (type >= 16 && type <= 21);
    }
  });
  return clean;
}

}  // namespace shijian::video
