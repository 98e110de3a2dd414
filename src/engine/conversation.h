// From a rendered chat to the token sequence that the decoder reads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/media.h"
#include "model/positions.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace shijian::engine {

// What a prompt needs to know of a video or image.
struct MediaShape {
  bool is_image = false;
  model::MergedGrid grid;          // of one slot
  std::vector<double> slot_times;  // [slots] seconds; videos alone
  int64_t slots() const { return is_image ? 1 : static_cast<int64_t>(slot_times.size()); }
};

// A visual block's place: its tokens take the features of rows [feature_row, + block.grid.tokens())
// of media `media`.
struct PlacedBlock {
  model::VisualBlock block;
  size_t media = 0;
  int64_t feature_row = 0;
  std::string name = {};  // equal names, equal features; set by who knows the media

  int64_t slot() const { return feature_row / block.grid.tokens(); }
};

struct TokenSequence {
  std::vector<int32_t> ids;
  std::vector<PlacedBlock> blocks;  // ascending
};

// Encodes the segments. A video becomes, for each temporal slot, "<{t:.1f} seconds>" and its visual
// tokens between vision_start and vision_end; with Reference::k5 such a pair also surrounds the
// whole video. Each of `media` must be named by exactly one segment.
TokenSequence build_tokens(const text::Tokenizer& tokenizer,
                           std::span<const text::Segment> segments,
                           std::span<const MediaShape> media, Reference reference);

}  // namespace shijian::engine
