// Pictures as JPEG files.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace shijian::video {

// rgb: U8 [height, width, 3]; sides from 1 to 65,500 pixels. Throws Error(kInternal), kNoMemory.
std::string encode_jpeg(std::span<const uint8_t> rgb, int width, int height);

}  // namespace shijian::video
