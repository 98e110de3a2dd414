#include "video/container_walk.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

namespace shijian::video {
namespace {

// Fills `out` from a place of a file; returns how many bytes there were.
size_t read_into(int fd, uint64_t at, std::span<uint8_t> out) {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t got =
        ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

}  // namespace

uint64_t big_endian(const uint8_t* bytes, int count) {
  uint64_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | bytes[i];
  return value;
}

uint64_t little_endian(const uint8_t* bytes, int count) {
  uint64_t value = 0;
  for (int i = count; i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

Head FileBytes::head(uint64_t at) const {
  Head head;
  head.at = at;
  head.have = read_into(file_.fd(), at, head.bytes);
  return head;
}

std::vector<uint8_t> FileBytes::read(uint64_t at, uint64_t count) const {
  std::vector<uint8_t> out(std::min(count, size_ - std::min(at, size_)));
  out.resize(read_into(file_.fd(), at, out));
  return out;
}

}  // namespace shijian::video
