// The calls of video/ that touch the bytes of a file, on the spot. probe(), decode_frames(),
// load_image(), decode_image() and write_clip() lead here: directly, or in a child process
// (sandbox.h).
// Internal to video/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/threads.h"
#include "video/clip.h"
#include "video/decode.h"
#include "video/image.h"
#include "video/input_file.h"
#include "video/plan.h"
#include "video/probe.h"

namespace shijian::video {

// Called often while something is done; must not throw.
using StillAtWork = std::function<void()>;

VideoInfo probe_file(const InputFile& file, const std::stop_token& cancel,
                     const StillAtWork& at_work);

// Hears of the plan's frames in its order. `rgb` [height, width, 3], of frame_size(), lives during
// the call; `shown` is the frame that it really is.
using FrameSink = std::function<void(std::span<const uint8_t> rgb, int64_t shown)>;

// The size of decode_file()'s frames.
Size frame_size(const VideoInfo& info, const FramePlan& plan, const DecodeOptions& options);

// True: some data could not be decoded.
bool decode_file(const InputFile& file, const VideoInfo& info, const FramePlan& plan,
                 const DecodeOptions& options, ThreadPool& pool, const std::stop_token& cancel,
                 const FrameSink& sink);

StillImage decode_image_file(const InputFile& file);

// Parts of the video `info` are `parts`. Writes into the open file `output`.
ClipResult cut_file(const InputFile& file, const VideoInfo& info,
                    const std::vector<ClipSpan>& parts, ClipMode mode, int output,
                    const std::stop_token& cancel, const StillAtWork& at_work);

}  // namespace shijian::video
