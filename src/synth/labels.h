// Dense labels for training: what each merged patch of each temporal slot shows.
#pragma once

#include <cstdint>
#include <vector>

#include "synth/script.h"

namespace shijian::synth {

struct LabelGrid {
  int slots = 0, rows = 0, columns = 0;
};

// `times` are the sampled frames' times in seconds; slot i is made of frames 2i and 2i + 1, the
// last frame counting twice when their number is odd. The frame is cut into rows x columns equal
// rectangles. Returns u8 [slots, rows, columns, 4]:
//   0  1 + index of the object whose box or disc covers most of the rectangle, over both frames;
//      0 where no object covers anything
//   1  1 + that object's colour in the slot's first frame (low four bits) and in its second (high
//      four), 0 in a frame that does not show it
//   2  1 + index of the scene of the slot's first frame (low four bits) and of its second
//   3  share of the rectangle that the object covers, 0 to 255, over both frames
// A text counts as its whole box and a ring as its disc: labels are for finding, not for cutting
// out.
std::vector<uint8_t> make_labels(const Script& script, const std::vector<double>& times,
                                 const LabelGrid& grid);

}  // namespace shijian::synth
