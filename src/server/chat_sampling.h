// How the media of a chat are sampled: what clients of Qwen's models write beside a video, and
// those of vLLM in the body.
#pragma once

#include <vector>

#include "base/json.h"
#include "engine/media.h"
#include "server/json_fields.h"

namespace shijian::server {

// What a body says of all its media.
class ChatSampling {
 public:
  // Reads `media_io_kwargs` and then `mm_processor_kwargs`, which goes before it; null: absent. The
  // errors of JsonFields, and Error(kUsage) for what cannot be done.
  void read_loader(const OrderedJson* json);
  void read_processor(const OrderedJson* json);

  // Of the number'th video. Error(kUsage) where there is a list of rates and it has none for it.
  engine::SamplingRequest of_video(size_t number) const;
  const engine::SamplingRequest& of_image() const { return image_; }

 private:
  void read_video(OrderedJsonFields& fields);

  engine::SamplingRequest video_;
  engine::SamplingRequest image_;  // its least and largest number of pixels
  std::vector<double> rates_;      // frames a second of each video, or one for all; empty: not said
};

// Reads what stands beside one video, over what the body says: fps, nframes, min_frames,
// max_frames, min_pixels and max_pixels (of a frame), total_pixels, video_start, video_end.
void read_video_sampling(OrderedJsonFields& fields, engine::SamplingRequest& sampling);

// What Qwen's clients write beside a list of frames: sample_fps, how many a second they are.
std::optional<double> read_list_rate(OrderedJsonFields& fields);

// The same as read_video_sampling() for an image: min_pixels and max_pixels.
void read_image_sampling(OrderedJsonFields& fields, engine::SamplingRequest& sampling);

}  // namespace shijian::server
