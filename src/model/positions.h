// Three-dimensional position ids (MRoPE) of a token sequence that holds images and videos.
//
// Text advances time, row and column together by one. A visual block (an image, or one temporal
// slot of a video) of rows x cols merged tokens that starts at position b gets time b, row b + r
// and column b + c; what follows starts at the largest position used + 1.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace shijian::model {

// Merged tokens of one visual block: a patch grid divided by the spatial merge size.
struct MergedGrid {
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t tokens() const { return rows * cols; }
};

// A visual block's place in a token sequence.
struct VisualBlock {
  int64_t first = 0;  // index of its first token
  MergedGrid grid;
};

// Position ids of n tokens on the three axes; all three vectors have n entries.
struct PositionIds {
  std::vector<int32_t> time;
  std::vector<int32_t> row;
  std::vector<int32_t> col;
  int32_t next = 0;  // the position of a text token that follows

  int64_t size() const { return static_cast<int64_t>(time.size()); }
};

// Finds the blocks of a sequence: the k-th run of image pads belongs to images[k], the k-th run of
// video pads to slots[k] (every temporal slot of every video counts, in order). Blocks may follow
// each other without text between. Throws Error(kInvalid) when pads and grids do not agree.
std::vector<VisualBlock> find_visual_blocks(std::span<const int32_t> tokens, int32_t image_pad,
                                            int32_t video_pad, std::span<const MergedGrid> images,
                                            std::span<const MergedGrid> slots);

// Appends the positions of `tokens` further tokens to `ids`, starting at ids.next. `blocks` are
// relative to the first appended token, ascending and within it. Throws Error(kInvalid) when they
// are not, or when a position would pass 2^31 - 1.
void append_positions(PositionIds& ids, int64_t tokens, std::span<const VisualBlock> blocks);

}  // namespace shijian::model
