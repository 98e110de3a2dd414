// Which frames of a video the model sees, at what size, and the time written beside each pair.
// Pure arithmetic on numbers of a VideoInfo. Where the rate is constant, these are the reference's
// numbers, bit for bit: frames evenly spread by their index. Where it is not, moments are evenly
// spread in time and each takes the frame that is on screen then, however long it has been there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "video/probe.h"

namespace shijian::video {

// How pixels become patches: sizes from the checkpoint's processor files.
struct PatchGeometry {
  int patch = 16;    // pixels on a side
  int temporal = 2;  // frames in a temporal slot
  int merge = 2;     // patches on a side of a merged token
  float mean[3] = {0.5f, 0.5f, 0.5f};
  float std[3] = {0.5f, 0.5f, 0.5f};
  double rescale = 1.0 / 255.0;

  int factor() const { return patch * merge; }
  int64_t patch_values() const { return int64_t{3} * temporal * patch * patch; }
};

enum class Pipeline {
  kProcessor4,   // transformers 4.57: sizes by one budget over all frames
  kProcessor5,   // transformers 5.x: the same, with an optional cap for one frame
  kQwenVlUtils,  // the qwen-vl-utils package: an even number of frames, each frame sized alone
};

// Frames first..last of a video, `frames` of which are looked at, evenly spread, both ends among
// them.
struct RateSpan {
  int64_t first = 0;
  int64_t last = 0;
  double fps = 0;      // that this comes to, about
  int64_t frames = 0;  // a multiple of the temporal slot's
  bool busy = false;   // something goes on there
};

struct SamplingOptions {
  Pipeline pipeline = Pipeline::kProcessor4;
  double fps = 2;             // frames a second to sample
  std::optional<int> frames;  // a fixed number of frames instead of fps
  int min_frames = 4;
  int max_frames = 768;
  // Pixels over all frames (size.shortest_edge and size.longest_edge of the checkpoint).
  // kQwenVlUtils has its own limits for one frame and ignores these two.
  int64_t min_pixels = 4096;
  int64_t max_pixels = 25165824;
  // kProcessor5: cap_pixels_per_frame and max_video_tokens of the checkpoint's processor file.
  bool cap_frame = false;
  int max_video_tokens = 768;
  std::optional<int64_t> min_frame_pixels;  // lower limit for one frame, in any pipeline
  std::optional<int64_t> frame_pixels;      // upper limit for one frame; overrides the lower one
  // Only frames with from <= time <= to, in seconds on the timeline, 0 <= from < to and from before
  // the clip's end. A window between two frames takes the frame on screen. (Variable rates, and the
  // window's own clock: from <= time < to, which is what a file of those seconds would hold.)
  std::optional<double> from;
  std::optional<double> to;
  // The prompt's times count from the window's first frame, as if the window were a file of its
  // own.
  bool window_clock = false;
  // With window_clock: seconds of the prompt's clock in one second of the file. Above 1 the window
  // is shown in slow motion.
  double clock_rate = 1;
  // Every frame, each at its own time: whoever gave the frames has sampled them. Frames that lie
  // apart by more than twice their usual distance share no slot.
  bool every_frame = false;
  // Not empty: these frames, in order (adaptive_plan.h), and no rate or number heeded.
  std::vector<RateSpan> spans;
};

struct FramePlan {
  Pipeline pipeline = Pipeline::kProcessor4;
  int height = 0;  // of the resized frames; multiples of the geometry's factor
  int width = 0;
  std::vector<int64_t> indices;    // [n] frames of the video, ascending, may repeat; n >= temporal
  std::vector<double> times;       // [n] seconds on the timeline at which they are looked at
  int64_t slots = 0;               // ceil(n / temporal)
  std::vector<double> slot_times;  // [slots] the prompt's times: mean of a slot's first and last
  double from = 0, to = 0;         // the window, seconds on the timeline
  double clock_start = 0;          // seconds on the timeline at which the prompt's clock shows 0
  double clock_rate = 1;           // of SamplingOptions
  std::vector<RateSpan> spans;     // of SamplingOptions
  bool limited = false;            // max_frames allows fewer frames than the rate asks for

  int64_t grid_height(const PatchGeometry& g) const { return height / g.patch; }
  int64_t grid_width(const PatchGeometry& g) const { return width / g.patch; }
  int64_t tokens_per_slot(const PatchGeometry& g) const {
    return grid_height(g) / g.merge * (grid_width(g) / g.merge);
  }
};

struct Size {
  int height = 0;
  int width = 0;
  bool operator==(const Size&) const = default;
};

// The processor's size for `frames` frames of height x width that share min_pixels..max_pixels.
// Throws Error(kUnsupported) when one side is more than 200 times the other.
Size smart_resize_video(int64_t frames, int height, int width, int temporal, int factor,
                        int64_t min_pixels, int64_t max_pixels);

// The same for one still image.
Size smart_resize_image(int height, int width, int factor, int64_t min_pixels, int64_t max_pixels);

// Throws Error(kUsage) for options that make no sense (fps <= 0, frames < 1, from > to, a window
// outside the clip) and kUnsupported as above.
FramePlan plan_frames(const VideoInfo& info, const SamplingOptions& options,
                      const PatchGeometry& geometry);

}  // namespace shijian::video
