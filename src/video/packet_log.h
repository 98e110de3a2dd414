// All packets of the video track, as the container has them. Internal to video/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "video/media_input.h"

namespace shijian::video {

struct PacketFacts {
  int64_t pts = AV_NOPTS_VALUE;
  int64_t dts = AV_NOPTS_VALUE;
  int64_t duration = 0;        // ticks; 0 when unknown
  bool key = false;            // decoding may begin here
  bool bidirectional = false;  // it begins with a B-picture, as far as headers tell
  bool shown = false;          // a picture begins in it that is shown, as far as headers tell
  bool suspect = false;        // the container has lost a part of it, or of what lies before it
};

struct PacketLog {
  // In the order of the file; a packet's index is its number. MediaInput::read() delivers them in
  // this order each time.
  std::vector<PacketFacts> packets;
  int64_t shown = 0;           // packets
  bool field_pairs = false;    // pictures that come as two packets, one a field
  bool doubtful = false;       // packets that may hold no picture
  bool bidirectional = false;  // B-pictures, as far as headers tell
  std::string timecode;        // of the first packet
  bool starts_clean = false;   // the first packet can be decoded, and is the first one shown
};

// Reads to the end. Throws as probe() does.
PacketLog read_packet_log(MediaInput& input);

// Whether the container says when packets are decoded and never when they are shown (AVI).
bool lacks_presentation_times(const PacketLog& log);
// Whether all packets say when they are decoded, some no later than the one before.
bool decoding_clock_stands(const PacketLog& log);

}  // namespace shijian::video
