#include "video/transport_loss.h"

#include <cstdint>

namespace shijian::video {
namespace {

constexpr size_t kPacket = 188;
constexpr uint8_t kSync = 0x47;

// One packet of a transport stream, without what other layouts put around it.
class TransportPacket {
 public:
  explicit TransportPacket(const uint8_t* bytes) : bytes_(bytes) {}

  bool erroneous() const { return (bytes_[1] & 0x80) != 0; }
  bool begins_unit() const { return (bytes_[1] & 0x40) != 0; }
  int pid() const { return (bytes_[1] & 0x1f) << 8 | bytes_[2]; }
  bool has_adaptation() const { return (bytes_[3] & 0x20) != 0; }
  bool has_payload() const { return (bytes_[3] & 0x10) != 0; }
  int counter() const { return bytes_[3] & 0x0f; }
  bool starts_over() const { return has_adaptation() && bytes_[4] > 0 && (bytes_[5] & 0x80) != 0; }

 private:
  const uint8_t* bytes_;
};

class LossFinder {
 public:
  explicit LossFinder(int pid) : pid_(pid) {}

  // Returns whether something is missing before this packet, or it is erroneous itself.
  bool push(const TransportPacket& packet) {
    if (packet.pid() != pid_ || !packet.has_payload()) return false;
    const bool repeated = packet.counter() == counter_;
    const bool follows = counter_ < 0 || repeated || packet.counter() == ((counter_ + 1) & 15) ||
                         packet.starts_over();
    const bool joint = packet.begins_unit() && stuffed_;
    counter_ = packet.counter();
    stuffed_ = packet.has_adaptation();
    return packet.erroneous() || (!follows && !joint);
  }

 private:
  const int pid_;
  int counter_ = -1;  // of the last packet; -1 before the first
  bool stuffed_ = false;
};

}  // namespace

bool lacks_packets(std::span<const std::byte> bytes, int pid) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  LossFinder finder(pid);
  // Packets are 188 bytes apart, or 192 (M2TS) or 204 (with parity): each begins at a sync byte.
  for (size_t at = 0; at + kPacket <= bytes.size();) {
    size_t next = 0;
    for (const size_t size : {kPacket, size_t{192}, size_t{204}}) {
      const size_t end = at + size;
      if (next == 0 && (end >= bytes.size() || data[end] == kSync)) next = end;
    }
    if (data[at] != kSync || next == 0) {
      ++at;
      continue;
    }
    if (finder.push(TransportPacket(data + at))) return true;
    at = next;
  }
  return false;
}

}  // namespace shijian::video
