// From media files to the vision encoder's input: probe, plan, decode, patches.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/threads.h"
#include "checkpoint/config.h"
#include "engine/given_frames.h"
#include "engine/model_directory.h"
#include "tensor/tensor.h"
#include "video/decode.h"
#include "video/image.h"
#include "video/plan.h"
#include "video/probe.h"
#include "video/scan.h"

namespace shijian::engine {

// Which version of transformers to follow where they differ: 4.57 or 5.x.
enum class Reference { k4, k5 };

// What a caller may say about sampling; what is absent comes from the model.
struct SamplingRequest {
  std::optional<double> fps;
  // Fewer frames where nothing goes on, and both sides of each cut (video/adaptive_plan.h); fps is
  // then the rate of busy parts.
  bool adaptive = false;
  std::optional<int> frames;
  std::optional<int> min_frames;
  std::optional<int> max_frames;
  std::optional<int64_t> min_pixels;        // over all frames; of an image, its own
  std::optional<int64_t> max_pixels;        // over all frames; of an image, its own
  std::optional<int64_t> total_pixels;      // over all temporal slots: max_pixels of qwen-vl-utils
  std::optional<int64_t> min_frame_pixels;  // of one frame
  std::optional<int64_t> frame_pixels;      // of one frame, at most
  std::optional<double> from;               // seconds on the timeline
  std::optional<double> to;
  // The part from..to is shown by a clock of its own, in so much slow motion
  // (FramePlan::clock_rate); absent: by the clock that the model was trained with.
  std::optional<double> clock_rate;
  std::optional<int> stream;   // of a file with several videos; none: the main one
  bool qwen_vl_utils = false;  // sample and size as that package does
};

struct MediaFile {
  std::filesystem::path path;
  bool is_image = false;
  std::string content = {};  // its content_hash() where the caller knows it
  // Not empty: a video that comes as these, all of which are shown; `path` is then its name alone.
  std::vector<GivenFrame> frames = {};
  // Its own; absent: the request's, which images do not heed.
  std::optional<SamplingRequest> sampling = {};
  // Its probe() and its scan() where the caller has them, and cache::file_state() from before.
  std::string state = {};
  std::shared_ptr<const video::VideoInfo> known = {};
  std::shared_ptr<const video::VideoScan> scan = {};
};

// One video or image on its way to the vision encoder.
struct Media {
  bool is_image = false;
  std::string path;
  std::vector<GivenFrame> given;  // instead of a video file
  video::VideoInfo video;         // videos alone
  video::FramePlan plan;          // videos alone
  video::Frames frames;     // those that were decoded, resized; an image is one frame at time 0
  tensor::Tensor patches;   // of an image: F32 [grid_height * grid_width, patch values]
  int64_t slots = 0;        // temporal slots; 1 for an image
  int64_t grid_height = 0;  // patches
  int64_t grid_width = 0;

  int64_t slot_patches() const { return grid_height * grid_width; }
};

// Numbers of the checkpoint's processor files that shape all media.
struct MediaSettings {
  checkpoint::ImageProcessorConfig image;
  checkpoint::VideoProcessorConfig video;
  ModelProfile profile;
  Reference reference = Reference::k4;

  video::PatchGeometry image_geometry() const;
  video::PatchGeometry video_geometry() const;
  video::SamplingOptions sampling(const SamplingRequest& request) const;
};

// Everything that can be known before decoding: video, plan, slots and grid. An image is loaded
// whole, since its size is not known before. Throws the errors of probe, plan_frames, load_image.
Media plan_media(const MediaFile& file, const SamplingRequest& request,
                 const MediaSettings& settings, ThreadPool& pool, const std::stop_token& cancel);

// Decodes these slots (ascending) of a planned video; an image is ready already. Throws the errors
// of decode_frames.
void load_slots(Media& media, std::span<const int64_t> slots, const MediaSettings& settings,
                ThreadPool& pool, const std::stop_token& cancel,
                const video::DecodeProgress& progress);

// Patches of `slots` of the slots that were loaded, from the first'th of them on, F32
// [slots * slot_patches(), patch values]: they take 4 times the memory of the frames. A view of an
// image's own, else cut into `storage`.
tensor::ConstMatrix cut_patches(const Media& media, int64_t first, int64_t slots,
                                const MediaSettings& settings, ThreadPool& pool,
                                tensor::Tensor& storage);

// The frames of the plan at the source's own size, U8 [n, height, width, 3]: what the reference's
// processor is given. Of an image, U8 [1, height, width, 3].
tensor::Tensor source_frames(const Media& media, ThreadPool& pool, const std::stop_token& cancel);

// Stands in for load_slots, for all of them: `frames` U8 [n, height, width, 3] of any size are
// resized as the plan says. Error(kUsage) when n is not the plan's.
void load_media_from(Media& media, const tensor::Tensor& frames, const MediaSettings& settings,
                     ThreadPool& pool);

}  // namespace shijian::engine
