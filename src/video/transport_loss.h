// Finds packets that a transport stream has lost (ISO 13818-1, 2.4.3.3). Internal to video/.
#pragma once

#include <cstddef>
#include <span>

namespace shijian::video {

// Returns whether the stream of one PID lacks packets inside an access unit. Where segments were
// joined, the continuity counter starts over as well, but the access unit before the joint is
// complete: the last packet of one is filled up with stuffing.
bool lacks_packets(std::span<const std::byte> bytes, int pid);

}  // namespace shijian::video
