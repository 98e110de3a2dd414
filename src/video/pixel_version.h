// What beside a file and a plan decides the pixels of decoded frames.
#pragma once

#include <string>

namespace shijian::video {

// Differs between builds whose decode_frames() and make_patches() may differ: the version of our
// own colour handling, resize and patches, then those of libavformat, libavcodec and libswscale.
std::string pixel_version();

}  // namespace shijian::video
