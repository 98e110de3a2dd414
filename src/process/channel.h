// Packets between two processes over a pair of connected sockets.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/descriptor.h"

namespace shijian::process {

// One end. Packets arrive whole and in order. send() may be called from any thread, receive() from
// one at a time.
class Channel {
 public:
  static constexpr size_t kMaxPacket = 64 << 10;  // bytes

  struct Packet {
    uint32_t type = 0;
    std::span<const std::byte> bytes;  // until the next receive()
    std::vector<Descriptor> files;
  };

  explicit Channel(Descriptor socket) : socket_(std::move(socket)) {}
  // Throws Error(kIo).
  static std::pair<Channel, Channel> make_pair();

  int fd() const { return socket_.get(); }

  // At most kMaxPacket bytes and three descriptors, which stay the caller's. Waits until there
  // is room; false when the other end is gone.
  bool send(uint32_t type, std::span<const std::byte> bytes, std::span<const int> files = {}) const;
  // The same without waiting: false also when there is no room.
  bool try_send(uint32_t type, std::span<const std::byte> bytes) const;
  // Waits until a packet or the end can be received, `stop` (a StopEvent's; -1: none) is readable
  // or `until` is reached; returns false for the last. Throws the system's Error when it cannot
  // wait.
  bool wait(std::chrono::steady_clock::time_point until, int stop) const;
  // Waits; nothing once the other end is gone and all its packets are read.
  std::optional<Packet> receive();

 private:
  bool send(uint32_t type, std::span<const std::byte> bytes, std::span<const int> files,
            int flags) const;

  Descriptor socket_;
  std::vector<std::byte> buffer_;
};

}  // namespace shijian::process
