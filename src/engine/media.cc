#include "engine/media.h"

#include <utility>

#include "video/patches.h"

namespace shijian {
namespace {

PatchGeometry geometry(const ImageProcessorConfig& config) {
  PatchGeometry g;
  g.patch = static_cast<int>(config.patch_size);
  g.temporal = static_cast<int>(config.temporal_patch_size);
  g.merge = static_cast<int>(config.merge_size);
  g.rescale = config.rescale_factor;
  for (int c = 0; c < 3; ++c) {
    g.mean[c] = static_cast<float>(config.mean[c]);
    g.std[c] = static_cast<float>(config.std[c]);
  }
  return g;
}

PreparedMedia prepare_image(const MediaFile& file, const MediaSettings& settings,
                            ThreadPool& pool) {
  const StillImage image = load_image(file.path);
  const ImageOptions options{settings.image.shortest_edge, settings.image.longest_edge};
  ImagePatches patches = image_patches(image.rgb, options, settings.image_geometry(), pool);
  PreparedMedia media;
  media.is_image = true;
  media.path = file.path.string();
  media.frames.rgb = std::move(patches.rgb);
  media.frames.indices = {0};
  media.frames.times = {0.0};
  media.frames.shown = {0};
  media.patches = std::move(patches.patches);
  media.slots = 1;
  media.grid_height = patches.grid_height;
  media.grid_width = patches.grid_width;
  return media;
}

}  // namespace

PatchGeometry MediaSettings::image_geometry() const { return geometry(image); }
PatchGeometry MediaSettings::video_geometry() const { return geometry(video); }

SamplingOptions MediaSettings::sampling(const SamplingRequest& request) const {
  SamplingOptions options;
  options.pipeline = request.qwen_vl_utils        ? Pipeline::kQwenVlUtils
                     : reference == Reference::k5 ? Pipeline::kProcessor5
                                                  : Pipeline::kProcessor4;
  options.fps = request.fps.value_or(profile.fps.value_or(video.fps));
  options.frames = request.frames;
  options.min_frames = profile.min_frames.value_or(static_cast<int>(video.min_frames));
  options.max_frames = profile.max_frames.value_or(static_cast<int>(video.max_frames));
  options.min_pixels = request.min_pixels.value_or(video.shortest_edge);
  options.max_pixels = request.max_pixels.value_or(video.longest_edge);
  // The newest 5.x caps a frame unless the checkpoint's processor file says otherwise.
  options.cap_frame = reference == Reference::k5 && video.cap_pixels_per_frame.value_or(true);
  options.max_video_tokens = static_cast<int>(video.max_video_tokens);
  options.frame_pixels = request.frame_pixels ? request.frame_pixels : profile.frame_pixels;
  options.from = request.from;
  options.to = request.to;
  return options;
}

PreparedMedia prepare_media(const MediaFile& file, const SamplingRequest& request,
                            const MediaSettings& settings, ThreadPool& pool,
                            const CancelToken& cancel, const MediaProgress& progress) {
  if (file.is_image) return prepare_image(file, settings, pool);
  const PatchGeometry g = settings.video_geometry();
  PreparedMedia media;
  media.path = file.path.string();
  if (progress) progress("probing", 0, 0);
  media.video = probe(file.path, cancel);
  media.plan = plan_frames(media.video, settings.sampling(request), g);
  DecodeProgress report;
  if (progress) {
    report = [&](int64_t done, int64_t total) { progress("decoding", done, total); };
  }
  media.frames = decode_frames(file.path, media.video, media.plan, DecodeOptions{pool.size()}, pool,
                               cancel, report);
  media.patches = make_patches(media.frames.rgb, g, pool);
  media.slots = media.plan.slots;
  media.grid_height = media.plan.grid_height(g);
  media.grid_width = media.plan.grid_width(g);
  return media;
}

}  // namespace shijian
