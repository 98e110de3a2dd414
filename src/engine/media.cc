#include "engine/media.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "video/adaptive_plan.h"
#include "video/patches.h"
#include "video/resize.h"

namespace shijian::engine {
namespace {

video::PatchGeometry geometry(const checkpoint::ImageProcessorConfig& config) {
  video::PatchGeometry g;
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

void set_image(Media& media, const tensor::Tensor& rgb, const SamplingRequest& sampling,
               const MediaSettings& settings, ThreadPool& pool) {
  const video::ImageOptions options{sampling.min_pixels.value_or(settings.image.shortest_edge),
                                    sampling.max_pixels.value_or(settings.image.longest_edge)};
  video::ImagePatches image = video::image_patches(rgb, options, settings.image_geometry(), pool);
  media.frames.rgb = std::move(image.rgb);
  media.frames.indices = {0};
  media.frames.times = {0.0};
  media.frames.shown = {0};
  media.patches = std::move(image.patches);
  media.slots = 1;
  media.grid_height = image.grid_height;
  media.grid_width = image.grid_width;
}

// Still parts are looked at a quarter as often as busy ones.
constexpr double kStillShare = 0.25;

std::vector<video::RateSpan> spans_of(const MediaFile& file, const video::VideoInfo& info,
                                      const video::SamplingOptions& sampling,
                                      const video::PatchGeometry& geometry,
                                      const std::stop_token& cancel) {
  video::AdaptiveOptions options;
  options.busy_fps = sampling.fps;
  options.still_fps = kStillShare * sampling.fps;
  options.temporal = geometry.temporal;
  options.max_frames = sampling.max_frames;
  options.from = std::max(sampling.from.value_or(0), info.start_time);
  options.to = std::min(sampling.to.value_or(info.duration), info.duration);
  if (file.scan != nullptr) return video::adaptive_spans(info, *file.scan, options);
  return video::adaptive_spans(info, video::scan(file.path, info, cancel), options);
}

// Frame i of U8 [n, height, width, 3].
template <typename View, typename Frames>
View frame_of(Frames& frames, int64_t i) {
  const int64_t height = frames.dim(1);
  const int64_t width = frames.dim(2);
  return {frames.template data<uint8_t>() + i * height * width * 3, static_cast<int>(height),
          static_cast<int>(width), width * 3};
}

}  // namespace

video::PatchGeometry MediaSettings::image_geometry() const { return geometry(image); }
video::PatchGeometry MediaSettings::video_geometry() const { return geometry(video); }

video::SamplingOptions MediaSettings::sampling(const SamplingRequest& request) const {
  video::SamplingOptions options;
  options.pipeline = request.qwen_vl_utils        ? video::Pipeline::kQwenVlUtils
                     : reference == Reference::k5 ? video::Pipeline::kProcessor5
                                                  : video::Pipeline::kProcessor4;
  options.fps = request.fps.value_or(profile.fps.value_or(video.fps));
  options.frames = request.frames;
  options.min_frames = profile.min_frames.value_or(static_cast<int>(video.min_frames));
  options.max_frames =
      request.max_frames.value_or(profile.max_frames.value_or(static_cast<int>(video.max_frames)));
  // A caller's limit goes before a model's, whichever of the two it is.
  if (request.min_frames) options.min_frames = *request.min_frames;
  if (request.min_frames && !request.max_frames) {
    options.max_frames = std::max(options.max_frames, options.min_frames);
  }
  options.min_frames = std::min(options.min_frames, options.max_frames);
  options.min_pixels = request.min_pixels.value_or(video.shortest_edge);
  options.max_pixels = request.max_pixels.value_or(video.longest_edge);
  if (request.total_pixels) {
    options.max_pixels = std::min(request.max_pixels.value_or(INT64_MAX),
                                  *request.total_pixels * video.temporal_patch_size);
  }
  options.min_pixels = std::min(options.min_pixels, options.max_pixels);
  options.min_frame_pixels = request.min_frame_pixels;
  options.cap_frame = reference == Reference::k5 && video.cap_pixels_per_frame.value_or(false);
  options.max_video_tokens = static_cast<int>(video.max_video_tokens);
  options.frame_pixels = request.frame_pixels ? request.frame_pixels : profile.frame_pixels;
  // That package's limit is one for each frame.
  if (request.qwen_vl_utils && request.max_pixels) options.frame_pixels = request.max_pixels;
  options.from = request.from;
  options.to = request.to;
  options.window_clock = profile.window_clock || request.clock_rate;
  options.clock_rate = request.clock_rate.value_or(1);
  return options;
}

Media plan_media(const MediaFile& file, const SamplingRequest& request,
                 const MediaSettings& settings, ThreadPool& pool, const std::stop_token& cancel) {
  Media media;
  media.is_image = file.is_image;
  media.path = file.path.string();
  if (file.is_image) {
    set_image(media, video::load_image(file.path).rgb, file.sampling.value_or(SamplingRequest{}),
              settings, pool);
    return media;
  }
  const video::PatchGeometry g = settings.video_geometry();
  video::SamplingOptions sampling = settings.sampling(file.sampling.value_or(request));
  if (file.known != nullptr) {
    media.video = *file.known;
  } else if (file.frames.empty()) {
    media.video = video::probe(file.path, cancel, request.stream.value_or(video::kMainStream));
  } else {
    media.given = file.frames;
    media.video = describe_given_frames(media.given);
    sampling.every_frame = true;
    sampling.from = sampling.to = std::nullopt;
  }
  const bool adaptive = file.sampling.value_or(request).adaptive && !sampling.frames;
  if (adaptive && file.frames.empty())
    sampling.spans = spans_of(file, media.video, sampling, g, cancel);
  media.plan = video::plan_frames(media.video, sampling, g);
  media.slots = media.plan.slots;
  media.grid_height = media.plan.grid_height(g);
  media.grid_width = media.plan.grid_width(g);
  return media;
}

void load_slots(Media& media, std::span<const int64_t> slots, const MediaSettings& settings,
                ThreadPool& pool, const std::stop_token& cancel,
                const video::DecodeProgress& progress) {
  if (media.is_image) return;
  const video::PatchGeometry g = settings.video_geometry();
  const auto frames = static_cast<int64_t>(media.plan.indices.size());
  video::FramePlan part = media.plan;
  part.indices.clear();
  part.times.clear();
  for (const int64_t slot : slots) {
    for (int64_t i = slot * g.temporal; i < std::min(frames, (slot + 1) * g.temporal); ++i) {
      part.indices.push_back(media.plan.indices[i]);
      part.times.push_back(media.plan.times[i]);
    }
  }
  if (media.given.empty()) {
    video::DecodeOptions options;
    options.threads = pool.size();
    media.frames =
        video::decode_frames(media.path, media.video, part, options, pool, cancel, progress);
  } else {
    media.frames = load_given_frames(media.given, part, pool, cancel, progress);
  }
}

tensor::ConstMatrix cut_patches(const Media& media, int64_t first, int64_t slots,
                                const MediaSettings& settings, ThreadPool& pool,
                                tensor::Tensor& storage) {
  const tensor::Tensor* patches = &media.patches;
  if (!media.is_image) {
    storage = video::make_patches(media.frames.rgb, settings.video_geometry(), pool, first, slots);
    patches = &storage;
  }
  return {patches->data<float>(), patches->dim(0), patches->dim(1)};
}

tensor::Tensor source_frames(const Media& media, ThreadPool& pool, const std::stop_token& cancel) {
  if (media.is_image) {
    const tensor::Tensor rgb = video::load_image(media.path).rgb;
    tensor::Tensor frame(tensor::DType::kU8, {1, rgb.dim(0), rgb.dim(1), 3});
    std::copy_n(rgb.data<uint8_t>(), rgb.elements(), frame.data<uint8_t>());
    return frame;
  }
  video::DecodeOptions options;
  options.threads = pool.size();
  options.source_size = true;
  return std::move(
      video::decode_frames(media.path, media.video, media.plan, options, pool, cancel, {}).rgb);
}

void load_media_from(Media& media, const tensor::Tensor& frames, const MediaSettings& settings,
                     ThreadPool& pool) {
  const int64_t planned = media.is_image ? 1 : static_cast<int64_t>(media.plan.indices.size());
  if (frames.dim(0) != planned) {
    throw Error(ErrorCode::kUsage,
                "given frames of {}: {}, the plan has {}"_text(media.path, frames.dim(0), planned));
  }
  if (media.is_image) {
    tensor::Tensor rgb(tensor::DType::kU8, {frames.dim(1), frames.dim(2), 3});
    std::copy_n(frames.data<uint8_t>(), frames.elements(), rgb.data<uint8_t>());
    set_image(media, rgb, {}, settings, pool);
    return;
  }
  const video::FramePlan& plan = media.plan;
  tensor::Tensor resized(tensor::DType::kU8, {planned, plan.height, plan.width, 3});
  for (int64_t i = 0; i < planned; ++i) {
    video::resize_bicubic(frame_of<video::ConstImage>(frames, i),
                          frame_of<video::Image>(resized, i), pool);
  }
  media.frames = {std::move(resized), plan.indices, plan.times, plan.indices, {}};
}

}  // namespace shijian::engine
