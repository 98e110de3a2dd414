// The packets of an MPEG-2 transport stream (ISO 13818-1, 2.4.3). Internal to video/. Any bytes are
// safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace shijian::video {

// One packet, without what other layouts put around it.
class TransportPacket {
 public:
  static constexpr size_t kBytes = 188;
  static constexpr uint8_t kSync = 0x47;  // the first of them

  explicit TransportPacket(const uint8_t* bytes) : bytes_(bytes) {}

  bool erroneous() const { return (bytes_[1] & 0x80) != 0; }
  bool begins_unit() const { return (bytes_[1] & 0x40) != 0; }
  int pid() const { return (bytes_[1] & 0x1f) << 8 | bytes_[2]; }
  bool is_scrambled() const { return (bytes_[3] & 0xc0) != 0; }
  bool has_adaptation() const { return (bytes_[3] & 0x20) != 0; }
  bool has_payload() const { return (bytes_[3] & 0x10) != 0; }
  int counter() const { return bytes_[3] & 0x0f; }
  bool starts_over() const { return has_adaptation() && bytes_[4] > 0 && (bytes_[5] & 0x80) != 0; }

 private:
  const uint8_t* bytes_;
};

// Calls `visit` with one packet after the other; bytes between them are skipped. Stops and returns
// true where `visit` does.
template <typename Visit>
bool any_packet(std::span<const std::byte> bytes, Visit visit) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  // Packets are 188 bytes apart, or 192 (M2TS) or 204 (with parity): each begins at a sync byte.
  for (size_t at = 0; at + TransportPacket::kBytes <= bytes.size();) {
    size_t next = 0;
    for (const size_t step : {TransportPacket::kBytes, size_t{192}, size_t{204}}) {
      const size_t end = at + step;
      const bool fits = end >= bytes.size() || data[end] == TransportPacket::kSync;
      if (next == 0 && fits) next = end;
    }
    if (data[at] != TransportPacket::kSync || next == 0) {
      ++at;
      continue;
    }
    if (visit(TransportPacket(data + at))) return true;
    at = next;
  }
  return false;
}

}  // namespace shijian::video
