// Decoding just the frames of a plan, each resized as soon as it is decoded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/threads.h"
#include "tensor/tensor.h"
#include "video/plan.h"
#include "video/probe.h"

namespace shijian::video {

struct DecodeOptions {
  int threads = 2;  // of the decoder
  // Frames at the source's own size (turned upright, pixels as coded), for dumps that another
  // implementation shall resize. Mind the memory.
  bool source_size = false;
};

struct Frames {
  tensor::Tensor rgb;            // U8 [n, height, width, 3], full-range RGB
  std::vector<int64_t> indices;  // [n] the plan's frames
  std::vector<double> times;     // [n] seconds on the timeline
  // [n] the frame really shown: differs from `indices` where a frame could not be decoded and the
  // picture before it (or the first that decodes) stands in.
  std::vector<int64_t> shown;
  bool damaged = false;  // some data could not be decoded, whether it was asked for or not
};

// done of total frames of the plan are ready.
using DecodeProgress = std::function<void(int64_t done, int64_t total)>;

// Seeks from key frame to key frame where the plan is sparse and reads through where it is dense.
// At most a few full-size frames are held at a time. Colour: the stream's own matrix and range,
// unknown ones as BT.601 limited, as the reference's decoders do. Throws Error: kCancelled,
// kInvalid when no frame of the plan decodes, kNoMemory, and the errors of probe().
// `pool` serves the resize; no other loop may run on it meanwhile.
Frames decode_frames(const std::filesystem::path& path, const VideoInfo& info,
                     const FramePlan& plan, const DecodeOptions& options, ThreadPool& pool,
                     const std::stop_token& cancel = {}, const DecodeProgress& progress = {});

}  // namespace shijian::video
