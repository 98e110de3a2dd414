// What is inside a shape or a text: the geometry that drawing and labels share.
#pragma once

#include "synth/script.h"

namespace shijian::synth {

// Whether the point (x, y), relative to the centre and in half sizes (the bounding box is
// [-1, 1] x [-1, 1], y down), lies inside.
bool inside_shape(int shape, double x, double y);

// Whether the point (x, y), in cells from the top left corner of the first glyph, is ink.
// Glyphs are 5 x 7 cells with one empty cell between; digits and capital letters only.
bool inside_text(const std::string& text, double x, double y);

}  // namespace shijian::synth
