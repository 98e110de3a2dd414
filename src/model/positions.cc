#include "model/positions.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace shijian::model {

std::vector<VisualBlock> find_visual_blocks(std::span<const int32_t> tokens, int32_t image_pad,
                                            int32_t video_pad, std::span<const MergedGrid> images,
                                            std::span<const MergedGrid> slots) {
  std::vector<VisualBlock> blocks;
  const auto size = static_cast<int64_t>(tokens.size());
  size_t image = 0;
  size_t slot = 0;
  for (int64_t i = 0; i < size;) {
    const int32_t pad = tokens[i];
    if (pad != image_pad && pad != video_pad) {
      ++i;
      continue;
    }
    const bool is_image = pad == image_pad;
    const Text what = is_image ? Text("image"_text) : Text("video slot"_text);
    size_t& index = is_image ? image : slot;
    const std::span<const MergedGrid> grids = is_image ? images : slots;
    if (index >= grids.size())
      throw Error(ErrorCode::kInvalid,
                  "place visual tokens: {} tokens at {} but only {} {} grids"_text(
                      what, i, grids.size(), what));
    const MergedGrid grid = grids[index];
    if (grid.rows < 1 || grid.cols < 1 || grid.rows > size || grid.cols > size ||
        grid.tokens() > size - i ||
        !std::all_of(tokens.begin() + i, tokens.begin() + i + grid.tokens(),
                     [pad](int32_t t) { return t == pad; }))
      throw Error(ErrorCode::kInvalid,
                  "place visual tokens: {} {} of {} x {} tokens does not fit the pads "
                  "at {} of {} tokens"_text(what, index, grid.rows, grid.cols, i, size));
    blocks.push_back({i, grid});
    i += grid.tokens();
    ++index;
  }
  if (image != images.size() || slot != slots.size())
    throw Error(ErrorCode::kInvalid,
                "place visual tokens: the sequence holds {} of {} images and {} of {} "
                "video slots"_text(image, images.size(), slot, slots.size()));
  return blocks;
}

void append_positions(PositionIds& ids, int64_t tokens, std::span<const VisualBlock> blocks) {
  // A block raises the position by less than its number of tokens, so this bounds every id.
  if (tokens < 0 || tokens > std::numeric_limits<int32_t>::max() - ids.next)
    throw Error(ErrorCode::kInvalid,
                "number positions: {} tokens after position {}"_text(tokens, ids.next));
  for (auto* axis : {&ids.time, &ids.row, &ids.col}) axis->reserve(axis->size() + tokens);
  const auto text = [&ids](int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      for (auto* axis : {&ids.time, &ids.row, &ids.col}) axis->push_back(ids.next);
      ++ids.next;
    }
  };
  int64_t done = 0;
  for (const VisualBlock& block : blocks) {
    if (block.first < done || block.grid.rows < 1 || block.grid.cols < 1 || block.first > tokens ||
        block.grid.rows > tokens || block.grid.cols > tokens ||
        block.grid.tokens() > tokens - block.first)
      throw Error(ErrorCode::kInvalid, "number positions: block of {} x {} at {} of {} tokens"_text(
                                           block.grid.rows, block.grid.cols, block.first, tokens));
    text(block.first - done);
    for (int64_t r = 0; r < block.grid.rows; ++r) {
      for (int64_t c = 0; c < block.grid.cols; ++c) {
        ids.time.push_back(ids.next);
        ids.row.push_back(ids.next + static_cast<int32_t>(r));
        ids.col.push_back(ids.next + static_cast<int32_t>(c));
      }
    }
    ids.next += static_cast<int32_t>(std::max(block.grid.rows, block.grid.cols));
    done = block.first + block.grid.tokens();
  }
  text(tokens - done);
}

}  // namespace shijian::model
