// Tests alone: the bytes of small videos.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "source_dir.h"

namespace shijian::server {

inline std::string sample_video() {
  return read_file(source_dir() / "samples" / "shapes.mp4", size_t{1} << 24);
}
// The sample as another file: what players skip follows its end.
inline std::string another_video(const std::string& mark) {
  std::string bytes = sample_video();
  const auto size = static_cast<uint32_t>(8 + mark.size());
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(size >> shift));
  return bytes + "free" + mark;
}

}  // namespace shijian::server
