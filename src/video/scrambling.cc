#include "video/scrambling.h"

#include <algorithm>

#include "video/transport_packet.h"

namespace shijian::video {
namespace {

struct Packets {
  int64_t scrambled = 0, all = 0;
};

Packets count_transport(std::span<const std::byte> bytes, int pid) {
  Packets count;
  any_packet(bytes, [&](const TransportPacket& packet) {
    if (packet.pid() == pid && packet.has_payload()) {
      ++count.all;
      count.scrambled += packet.is_scrambled();
    }
    return false;
  });
  return count;
}

// Counts the PES packets of video by their PES_scrambling_control.
Packets count_program(std::span<const std::byte> bytes) {
  Packets count;
  for (size_t at = 0; at + 7 <= bytes.size(); ++at) {
    const auto* p = reinterpret_cast<const uint8_t*>(bytes.data()) + at;
    if (p[0] != 0 || p[1] != 0 || p[2] != 1 || (p[3] & 0xf0) != 0xe0 || (p[6] & 0xc0) != 0x80) {
      continue;
    }
    ++count.all;
    count.scrambled += (p[6] & 0x30) != 0;
  }
  return count;
}

template <typename Count>
bool is_scrambled(const FileBytes& file, Count count) {
  constexpr uint64_t kBytes = uint64_t{1} << 20;  // of each place
  const uint64_t last = file.size() - std::min(file.size(), kBytes);
  Packets total;
  for (const uint64_t at : {uint64_t{0}, last / 2, last}) {
    const std::vector<uint8_t> bytes = file.read(at, kBytes);
    const Packets here = count(std::as_bytes(std::span(bytes)));
    if (here.scrambled * 2 > here.all) return true;
    total.scrambled += here.scrambled;
    total.all += here.all;
  }
  return total.scrambled * 4 > total.all;
}

}  // namespace

bool is_scrambled_transport(const FileBytes& file, int pid) {
  return is_scrambled(
      file, [pid](std::span<const std::byte> bytes) { return count_transport(bytes, pid); });
}

bool is_scrambled_program(const FileBytes& file) { return is_scrambled(file, count_program); }

}  // namespace shijian::video
