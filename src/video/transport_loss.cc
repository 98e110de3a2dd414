#include "video/transport_loss.h"

#include "video/transport_packet.h"

namespace shijian::video {
namespace {

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
  LossFinder finder(pid);
  return any_packet(bytes, [&](const TransportPacket& packet) { return finder.push(packet); });
}

}  // namespace shijian::video
