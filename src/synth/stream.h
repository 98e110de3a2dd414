// The training stream: clips as the model sees them, with questions and dense labels.
//
// For each clip one line of JSON (ending in '\n'), then frame_bytes bytes of frames, then
// label_bytes bytes of labels. The line:
//   id           "train-SEED-INDEX" or "heldout-SEED-INDEX"
//   width height of the frames as sent, multiples of 32
//   source_width source_height fps duration   of the clip
//   times        [n] seconds of the sampled frames; n is even, an odd plan repeats its last frame
//   slot_times   [n/2] the times that a prompt writes
//   grid         [slots, rows, columns] of merged patches, 32 pixels square
//   objects      [{shape, color, text}] shape or text is null; color as it first appears
//   backgrounds  [{kind, hue}]
//   questions    [{query, kind, language, spans}] spans in seconds
//   compressed   whether the frames went through a video encoder
//   frame_bytes  U8 [n, height, width, 3]; 0 with labels only
//   label_bytes  U8 [slots, rows, columns, 4], see labels.h
// Colours and shapes are numbered in the order of world.h. Frames are planned and resized by
// video/, as for any file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "synth/script.h"

namespace shijian::synth {

struct StreamOptions {
  ScriptOptions script;
  uint64_t seed = 0;
  int64_t first = 0;  // index of the first clip
  int64_t count = 0;  // clips; 0: endless
  int threads = 1;
  double sample_fps = 4;
  int max_frames = 256;  // longer clips are sampled less densely
  int64_t frame_pixels = 16384;
  int questions = 8;    // at most, for each clip
  int compressed = 60;  // percent of the clips whose frames go through an encoder
  bool labels_only = false;
};

// One clip of the stream, ready to be sent.
std::string stream_clip(const StreamOptions& options, int64_t index);

// Sends the clips in order; `send` returns false when nobody listens any more, which ends the
// stream. Clips are the same for any number of threads.
void stream_clips(const StreamOptions& options, const std::function<bool(std::string_view)>& send);

}  // namespace shijian::synth
