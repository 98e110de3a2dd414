#include "video/container_walk.h"

#include <unistd.h>

namespace shijian::video {

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
  const ssize_t got =
      ::pread(file_.fd(), head.bytes.data(), head.bytes.size(), static_cast<off_t>(at));
  head.have = got < 0 ? 0 : static_cast<size_t>(got);
  return head;
}

std::vector<uint8_t> FileBytes::read(uint64_t at, size_t count) const {
  std::vector<uint8_t> out(count);
  const ssize_t got = ::pread(file_.fd(), out.data(), count, static_cast<off_t>(at));
  out.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return out;
}

}  // namespace shijian::video
