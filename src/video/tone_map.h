// High dynamic range and wide gamut to BT.709. Internal to video/.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

extern "C" {
#include <libavutil/frame.h>
}

namespace shijian::video {

// What the numbers of a picture mean.
enum class Transfer { kSdr, kPq, kHlg };
enum class Primaries { kBt709, kBt2020, kP3 };

struct Colour {
  Transfer transfer = Transfer::kSdr;
  Primaries primaries = Primaries::kBt709;
  double peak = 0;  // cd/m² of the brightest white, > 0; kSdr ignores it

  bool operator==(const Colour&) const = default;
  bool is_hdr() const { return transfer != Transfer::kSdr; }
};

// Peak of a picture whose file does not say: what most are graded on.
constexpr double kUsualPeak = 1000;

// As the frame is tagged. Untagged primaries are those of the matrix, else BT.2020 where the
// transfer is of high dynamic range. `peak`: as the file says, or 0.
Colour colour_of(const AVFrame& frame, double peak);

// R'G'B' of `colour` to R'G'B' of BT.709, all from 0 to 1. The exact function, slow.
std::array<double, 3> to_bt709(const std::array<double, 3>& rgb, const Colour& colour);

// The same by a table with tetrahedral interpolation: within two levels of 255 for the colours that
// BT.709 holds; where others are cut off at its edge it is a little softer.
class ToneMap {
 public:
  explicit ToneMap(const Colour& colour);
  const Colour& colour() const { return colour_; }

  // One row: `in` [width, 3] full-range 16-bit values, `out` [width, 3].
  void map_row(const uint16_t* in, uint8_t* out, int width) const;

 private:
  Colour colour_;
  std::vector<uint16_t>
      table_;  // [kNodes, kNodes, kNodes, 3] by red, green, blue; 1/128 of a level
};

}  // namespace shijian::video
