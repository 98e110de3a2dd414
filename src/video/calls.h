// Functions of video/ that read the bytes of a file in the calling process. probe(),
// decode_frames(), scan(), load_image(), decode_image() and write_clip() call them directly or in a
// child process (sandbox.h). Internal to video/.
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
#include "video/scan.h"

namespace shijian::video {

// Heartbeat that long work calls repeatedly to show that it has not hung. Must not throw.
using Heartbeat = std::function<void()>;

VideoInfo probe_file(const InputFile& file, const std::stop_token& cancel,
                     const Heartbeat& heartbeat);

// Receives the plan's frames in order. `rgb` [height, width, 3], of frame_size(), is valid during
// the call; `shown` is the index of the frame that it shows, which may differ from the plan's.
using FrameSink = std::function<void(std::span<const uint8_t> rgb, int64_t shown)>;

// The size of decode_file()'s frames.
Size frame_size(const VideoInfo& info, const FramePlan& plan, const DecodeOptions& options);

// Decodes the frames of a plan. Returns true when some data could not be decoded.
bool decode_file(const InputFile& file, const VideoInfo& info, const FramePlan& plan,
                 const DecodeOptions& options, ThreadPool& pool, const std::stop_token& cancel,
                 const FrameSink& sink);

// `file` is the video of `info`.
VideoScan scan_file(const InputFile& file, const VideoInfo& info, const std::stop_token& cancel,
                    const Heartbeat& heartbeat);

StillImage decode_image_file(const InputFile& file);

// Parts of the video `info` are `parts`. Writes into the open file `output`.
ClipResult cut_file(const InputFile& file, const VideoInfo& info,
                    const std::vector<ClipSpan>& parts, ClipMode mode, int output,
                    const std::stop_token& cancel, const Heartbeat& heartbeat);

}  // namespace shijian::video
