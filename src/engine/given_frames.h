// A video that comes as pictures which someone has sampled already, each with its time.
#pragma once

#include <filesystem>
#include <vector>

#include "base/cancel.h"
#include "base/threads.h"
#include "video/decode.h"

namespace shijian::engine {

struct GivenFrame {
  std::filesystem::path picture;  // an image file
  double time = 0;                // seconds
};

// What probe() says of a video file, with frames of the first picture's size. Throws Error(kUsage)
// unless there are frames and times ascend from 0 on, and the errors of load_image.
video::VideoInfo describe_given_frames(const std::vector<GivenFrame>& frames);

// decode_frames() for them: loads the plan's pictures one after another and resizes each. Throws
// Error(kInvalid) for one of another size, and the errors of load_image.
video::Frames load_given_frames(const std::vector<GivenFrame>& frames, const video::FramePlan& plan,
                                ThreadPool& pool, const std::stop_token& cancel,
                                const video::DecodeProgress& progress);

}  // namespace shijian::engine
