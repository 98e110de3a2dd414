// The orientation that a camera wrote into a still image. Internal to video/.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace shijian::video {

// Tag 0x0112 of the EXIF block of a JPEG, PNG, WebP or TIFF file ("jpeg", "png", "webp", "tiff"):
// 1 to 8; 1 (upright) when there is none or it is damaged. Any bytes are safe.
int exif_orientation(std::span<const std::byte> file, std::string_view format);

}  // namespace shijian::video
