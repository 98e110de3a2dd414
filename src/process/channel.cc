#include "process/channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "base/error.h"

namespace shijian::process {
namespace {

constexpr size_t kMaxFiles = 3;

}  // namespace

std::pair<Channel, Channel> Channel::make_pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
    throw system_error("make a pair of sockets"_text, errno);
  }
  return {Channel(Descriptor(fds[0])), Channel(Descriptor(fds[1]))};
}

bool Channel::send(uint32_t type, std::span<const std::byte> bytes,
                   std::span<const int> files) const {
  return send(type, bytes, files, MSG_NOSIGNAL);
}

bool Channel::try_send(uint32_t type, std::span<const std::byte> bytes) const {
  return send(type, bytes, {}, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool Channel::send(uint32_t type, std::span<const std::byte> bytes, std::span<const int> files,
                   int flags) const {
  CHECK(bytes.size() <= kMaxPacket && files.size() <= kMaxFiles);
  iovec parts[2] = {{&type, sizeof type}, {const_cast<std::byte*>(bytes.data()), bytes.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFiles * sizeof(int))] = {};
  if (!files.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(files.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(files.size_bytes());
    std::memcpy(CMSG_DATA(header), files.data(), files.size_bytes());
  }
  ssize_t sent;
  do {
    sent = ::sendmsg(socket_.get(), &message, flags);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

bool Channel::wait(std::chrono::steady_clock::time_point until, int stop) const {
  using Milliseconds = std::chrono::milliseconds;
  pollfd watched[] = {{socket_.get(), POLLIN, 0}, {stop, POLLIN, 0}};
  int ready;
  do {
    const auto left = std::chrono::ceil<Milliseconds>(until - std::chrono::steady_clock::now());
    const auto most = Milliseconds(std::numeric_limits<int>::max());
    ready = ::poll(watched, std::size(watched),
                   static_cast<int>(std::clamp(left, Milliseconds(0), most).count()));
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) throw system_error("wait for an answer"_text, errno);
  return ready > 0;
}

std::optional<Channel::Packet> Channel::receive() {
  buffer_.resize(kMaxPacket);
  Packet packet;
  iovec parts[2] = {{&packet.type, sizeof packet.type}, {buffer_.data(), buffer_.size()}};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFiles * sizeof(int))];
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got;
  do {
    got = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  for (cmsghdr* h = got < 0 ? nullptr : CMSG_FIRSTHDR(&message); h != nullptr;
       h = CMSG_NXTHDR(&message, h)) {
    if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
    for (size_t i = 0; i < (h->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof fd);
      packet.files.emplace_back(fd);
    }
  }
  if (got < static_cast<ssize_t>(sizeof packet.type)) return std::nullopt;
  packet.bytes = {buffer_.data(), static_cast<size_t>(got) - sizeof packet.type};
  return packet;
}

}  // namespace shijian::process
