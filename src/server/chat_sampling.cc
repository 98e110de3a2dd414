#include "server/chat_sampling.h"

#include "base/error.h"

namespace shijian::server {
namespace {

constexpr double kLowestRate = 0.001, kHighestRate = 1000;  // frames a second
constexpr int64_t kMostFrames = 1 << 16;
constexpr int64_t kMostPixels = int64_t{1} << 40;
constexpr double kMostSeconds = 1e9;

// A rate takes the place of a number of frames, and the other way round.
void set_rate(engine::SamplingRequest& sampling, double rate) {
  sampling.fps = rate;
  sampling.frames.reset();
}

void set_frames(engine::SamplingRequest& sampling, int64_t frames) {
  sampling.frames = static_cast<int>(frames);
  sampling.fps.reset();
}

// "fps" and, under one of its names, the number of frames.
void read_density(OrderedJsonFields& fields, engine::SamplingRequest& sampling) {
  const auto rate = fields.number("fps", kLowestRate, kHighestRate);
  auto frames = fields.integer("nframes", 1, kMostFrames);
  const auto other = fields.integer("num_frames", 1, kMostFrames);
  if (!frames) frames = other;
  if (rate && frames) {
    throw Error(ErrorCode::kUsage, "sampling: 'fps' and a number of frames do not go together"_text,
                "leave one of them out"_text);
  }
  if (rate) set_rate(sampling, *rate);
  if (frames) set_frames(sampling, *frames);
}

struct Limits {
  std::optional<int64_t> least, most;
};

Limits read_limits(OrderedJsonFields& fields, const char* least, const char* most, int64_t high) {
  const Limits limits{fields.integer(least, 1, high), fields.integer(most, 1, high)};
  if (limits.least && limits.most && *limits.least > *limits.most) {
    throw Error(
        ErrorCode::kUsage,
        "sampling: '{}' is {}, over a '{}' of {}"_text(least, *limits.least, most, *limits.most),
        "exchange them"_text);
  }
  return limits;
}

void read_frame_limits(OrderedJsonFields& fields, engine::SamplingRequest& sampling) {
  const Limits frames = read_limits(fields, "min_frames", "max_frames", kMostFrames);
  if (frames.least) sampling.min_frames = static_cast<int>(*frames.least);
  if (frames.most) sampling.max_frames = static_cast<int>(*frames.most);
}

// Of all frames together, or of an image.
void read_pixel_limits(OrderedJsonFields& fields, engine::SamplingRequest& sampling,
                       const char* least, const char* most) {
  const Limits pixels = read_limits(fields, least, most, kMostPixels);
  if (pixels.least) sampling.min_pixels = *pixels.least;
  if (pixels.most) sampling.max_pixels = *pixels.most;
}

// Refuses explicit sizes, which Qwen's clients may send: they would change the aspect ratio.
void refuse_sizes(OrderedJsonFields& fields) {
  for (const char* side : {"resized_height", "resized_width"}) {
    if (fields.any(side) == nullptr) continue;
    throw Error(ErrorCode::kUsage,
                "sampling: '{}' is not supported: pictures keep their shape"_text(side),
                "give 'min_pixels' and 'max_pixels' instead"_text);
  }
}

void read_size(OrderedJsonFields& fields, engine::SamplingRequest& sampling) {
  const OrderedJson* size = fields.any("size");
  if (size == nullptr) return;
  OrderedJsonFields edges(*size, "size");
  read_pixel_limits(edges, sampling, "shortest_edge", "longest_edge");
  edges.done();
}

// Processors are told of steps that this one always takes.
void read_steps(OrderedJsonFields& fields) {
  for (const char* step : {"do_resize", "do_rescale", "do_normalize", "do_convert_rgb"}) {
    if (fields.flag(step).value_or(true)) continue;
    throw Error(ErrorCode::kUsage, "sampling: '{}' cannot be turned off"_text(step),
                "leave it out"_text);
  }
  // Frames that come as pictures are never sampled again, files always.
  fields.flag("do_sample_frames");
}

// vLLM writes -1 for "as it is".
std::optional<double> unless_minus_one(OrderedJsonFields& fields, const char* key, double low,
                                       double high) {
  const OrderedJson* value = fields.any(key);
  if (value != nullptr && *value == -1) return std::nullopt;
  return fields.number(key, low, high);
}

}  // namespace

void ChatSampling::read_loader(const OrderedJson* json) {
  if (json == nullptr) return;
  OrderedJsonFields kinds(*json, "media_io_kwargs");
  for (const char* other : {"image", "audio"}) kinds.any(other);  // nothing there is of use
  const OrderedJson* video = kinds.any("video");
  kinds.done();
  if (video == nullptr) return;
  OrderedJsonFields fields(*video, "media_io_kwargs.video");
  const auto rate = unless_minus_one(fields, "fps", kLowestRate, kHighestRate);
  const auto frames = unless_minus_one(fields, "num_frames", 1, kMostFrames);
  for (const char* key : {"video_backend", "frame_recovery"}) fields.any(key);
  fields.done();
  if (rate) {
    set_rate(video_, *rate);
    if (frames) video_.max_frames = static_cast<int>(*frames);
  } else if (frames) {
    set_frames(video_, static_cast<int64_t>(*frames));
  }
}

// Reads density and frame limits like read_density() and read_frame_limits(), but also accepts a
// list of rates, one for each video.
void ChatSampling::read_video(OrderedJsonFields& fields) {
  const OrderedJson* rates = fields.any("fps");
  if (rates != nullptr && rates->is_array()) {
    rates_.clear();
    for (const OrderedJson& rate : *rates) {
      if (!rate.is_number())
        throw http::HttpError(400, "mm_processor_kwargs: 'fps' holds no number"_text);
      rates_.push_back(rate.get<double>());
      if (rates_.back() >= kLowestRate && rates_.back() <= kHighestRate) continue;
      throw Error(ErrorCode::kUsage, "mm_processor_kwargs: 'fps' is {}, not within {} and {}"_text(
                                         rates_.back(), kLowestRate, kHighestRate));
    }
  } else {
    read_density(fields, video_);
  }
  read_frame_limits(fields, video_);
  if (const auto pixels = fields.integer("total_pixels", 1, kMostPixels)) {
    video_.total_pixels = *pixels;
  }
  read_steps(fields);
}

void ChatSampling::read_processor(const OrderedJson* json) {
  if (json == nullptr) return;
  OrderedJsonFields fields(*json, "mm_processor_kwargs");
  read_video(fields);
  read_pixel_limits(fields, video_, "min_pixels", "max_pixels");
  read_size(fields, video_);
  image_ = video_;
  if (const OrderedJson* videos = fields.any("videos_kwargs")) {
    OrderedJsonFields inner(*videos, "mm_processor_kwargs.videos_kwargs");
    read_video(inner);
    read_pixel_limits(inner, video_, "min_pixels", "max_pixels");
    read_size(inner, video_);
    inner.done();
  }
  if (const OrderedJson* images = fields.any("images_kwargs")) {
    OrderedJsonFields inner(*images, "mm_processor_kwargs.images_kwargs");
    read_pixel_limits(inner, image_, "min_pixels", "max_pixels");
    read_size(inner, image_);
    read_steps(inner);
    inner.done();
  }
  if (fields.flag("use_audio_in_video").value_or(false)) {
    throw Error(ErrorCode::kUsage, "mm_processor_kwargs: the model does not hear"_text,
                "leave 'use_audio_in_video' out"_text);
  }
  fields.done();
}

engine::SamplingRequest ChatSampling::of_video(size_t number) const {
  engine::SamplingRequest sampling = video_;
  if (rates_.empty()) return sampling;
  if (number >= rates_.size() && rates_.size() > 1) {
    throw Error(
        ErrorCode::kUsage,
        "mm_processor_kwargs: 'fps' has {} rates, and there are more videos"_text(rates_.size()),
        "give one rate, or one for each video"_text);
  }
  set_rate(sampling, rates_[rates_.size() > 1 ? number : 0]);
  return sampling;
}

void read_video_sampling(OrderedJsonFields& fields, engine::SamplingRequest& sampling) {
  read_density(fields, sampling);
  read_frame_limits(fields, sampling);
  const Limits pixels = read_limits(fields, "min_pixels", "max_pixels", kMostPixels);
  if (pixels.least) sampling.min_frame_pixels = *pixels.least;
  if (pixels.most) sampling.frame_pixels = *pixels.most;
  if (const auto all = fields.integer("total_pixels", 1, kMostPixels)) sampling.total_pixels = *all;
  refuse_sizes(fields);
  if (const auto time = fields.number("video_start", 0, kMostSeconds)) sampling.from = *time;
  if (const auto time = fields.number("video_end", 0, kMostSeconds)) sampling.to = *time;
}

std::optional<double> read_list_rate(OrderedJsonFields& fields) {
  fields.number("raw_fps", kLowestRate, kHighestRate);  // of the video that the frames are from
  return fields.number("sample_fps", kLowestRate, kHighestRate);
}

void read_image_sampling(OrderedJsonFields& fields, engine::SamplingRequest& sampling) {
  read_pixel_limits(fields, sampling, "min_pixels", "max_pixels");
  refuse_sizes(fields);
}

}  // namespace shijian::server
