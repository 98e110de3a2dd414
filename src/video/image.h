// Still images: PNG, JPEG, WebP, BMP, GIF and TIFF; of an animation the first frame.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/threads.h"
#include "tensor/tensor.h"
#include "video/plan.h"

namespace shijian::video {

struct StillImage {
  tensor::Tensor rgb;  // U8 [height, width, 3]
  std::string format;  // "png", "jpeg", "webp", "bmp", "gif", "tiff"
};

// Pixels as the reference loads them: turned by the EXIF orientation, palette expanded, alpha
// dropped (not blended), grey repeated. Told apart by content, never by name.
// Throws Error: kNotFound, kPermission, kInvalid, kUnsupported (other formats, over 16384 on a
// side, files over 256 MiB).
StillImage load_image(const std::filesystem::path& path);
// The same for bytes in memory; `name` stands in messages.
StillImage decode_image(std::span<const std::byte> bytes, const std::string& name);

// Whether the file is of one of these formats and no animation, which is a video. Throws Error:
// kNotFound, kPermission, kInvalid (not a regular file).
bool is_still_image(const std::filesystem::path& path);

struct ImageOptions {
  int64_t min_pixels = 65536;     // size.shortest_edge of the checkpoint's preprocessor file
  int64_t max_pixels = 16777216;  // size.longest_edge
};

struct ImagePatches {
  tensor::Tensor rgb;  // U8 [1, height, width, 3], resized
  tensor::Tensor
      patches;  // F32 [grid_h * grid_w, 3 * temporal * patch * patch]; the image is its own pair
  int64_t grid_height = 0;
  int64_t grid_width = 0;
};

// `rgb` is U8 [height, width, 3].
ImagePatches image_patches(const tensor::Tensor& rgb, const ImageOptions& options,
                           const PatchGeometry& geometry, ThreadPool& pool);

}  // namespace shijian::video
