// What the headers in a packet say of its picture, without decoding it. Internal to video/.
#pragma once

#include <cstdint>
#include <memory>

#include "video/media_input.h"

namespace shijian::video {

struct PictureFacts {
  bool shown = true;          // it holds a picture that is shown, or the first field of one
  bool second_field = false;  // it holds the second field of the picture before it
  bool field = false;         // it holds one field, or two that are coded apart
  bool doubtful = false;      // only decoding tells whether a picture comes out
  // It begins with a B-picture, which may be shown before what it was coded after. Told for H.264
  // and MPEG-1, 2 and 4.
  bool bidirectional = false;
};

// Looks at the packets of one track in the order of the file. Not thread-safe.
class PictureHeaders {
 public:
  explicit PictureHeaders(const AVCodecParameters& track);
  ~PictureHeaders();
  PictureHeaders(const PictureHeaders&) = delete;
  PictureHeaders& operator=(const PictureHeaders&) = delete;

  PictureFacts look(const AVPacket& packet);
  // Whether the packet, a key packet, is right as soon as it is decoded. An open group of pictures
  // or a recovery point may also be marked as a key packet.
  bool starts_clean(const AVPacket& packet) const;

 private:
  PictureFacts look_at_h264(const AVPacket& packet);

  const AVCodecID codec_;
  const int length_bytes_;  // before each NAL unit; 0: start codes
  CodecPtr context_;
  AVCodecParserContext* parser_ = nullptr;
  int open_field_ = 0;  // the parity of a first field that waits for its second
};

// Whether pictures may be shown in another order than they are coded in.
bool may_reorder(AVCodecID codec);

}  // namespace shijian::video
