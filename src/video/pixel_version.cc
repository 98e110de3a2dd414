#include "video/pixel_version.h"

#include <fmt/format.h>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

namespace shijian::video {
namespace {
// Raise it with every change that changes a pixel: stored features are then computed anew.
constexpr int kOurVersion = 2;
}  // namespace

std::string pixel_version() {
  return fmt::format("{} {} {} {}", kOurVersion, avformat_version(), avcodec_version(),
                     swscale_version());
}

}  // namespace shijian::video
