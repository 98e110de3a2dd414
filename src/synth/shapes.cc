#include "synth/shapes.h"

#include <array>
#include <cmath>
#include <cstdint>

#include "synth/world.h"

namespace shijian::synth {
namespace {

// Seven rows a glyph, five bits a row, the highest bit leftmost.
using Glyph = std::array<uint8_t, 7>;
constexpr std::array<Glyph, 10> kDigits{{
    {0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110},
    {0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110},
    {0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111},
    {0b11110, 0b00001, 0b00001, 0b01110, 0b00001, 0b00001, 0b11110},
    {0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010},
    {0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110},
    {0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110},
    {0b11111, 0b00001, 0b00010, 0b00010, 0b00100, 0b00100, 0b00100},
    {0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110},
    {0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100},
}};
constexpr std::array<Glyph, 26> kLetters{{
    {0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001},  // A
    {0b11110, 0b10001, 0b10001, 0b11110, 0b10001, 0b10001, 0b11110},
    {0b01111, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b01111},
    {0b11110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b11110},
    {0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b11111},  // E
    {0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b10000},
    {0b01111, 0b10000, 0b10000, 0b10011, 0b10001, 0b10001, 0b01111},
    {0b10001, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001},
    {0b01110, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110},  // I
    {0b00111, 0b00010, 0b00010, 0b00010, 0b00010, 0b10010, 0b01100},
    {0b10001, 0b10010, 0b10100, 0b11000, 0b10100, 0b10010, 0b10001},
    {0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b11111},
    {0b10001, 0b11011, 0b10101, 0b10101, 0b10001, 0b10001, 0b10001},  // M
    {0b10001, 0b11001, 0b11001, 0b10101, 0b10011, 0b10011, 0b10001},
    {0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110},
    {0b11110, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000, 0b10000},
    {0b01110, 0b10001, 0b10001, 0b10001, 0b10101, 0b10010, 0b01101},  // Q
    {0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001},
    {0b01111, 0b10000, 0b10000, 0b01110, 0b00001, 0b00001, 0b11110},
    {0b11111, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100},
    {0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110},  // U
    {0b10001, 0b10001, 0b10001, 0b10001, 0b01010, 0b01010, 0b00100},
    {0b10001, 0b10001, 0b10001, 0b10101, 0b10101, 0b11011, 0b10001},
    {0b10001, 0b10001, 0b01010, 0b00100, 0b01010, 0b10001, 0b10001},
    {0b10001, 0b10001, 0b01010, 0b00100, 0b00100, 0b00100, 0b00100},  // Y
    {0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b10000, 0b11111},
}};

// A star with five tips, one up, as wide as its box; by the lines through its inner pentagon.
bool inside_star(double x, double y) {
  // The directions of the five tips; a point of the star is beyond at most one side of the inner
  // pentagon, whose sides lie 0.309 from the centre.
  static constexpr double kTips[5][2] = {{0, -1},
                                         {0.951057, -0.309017},
                                         {0.587785, 0.809017},
                                         {-0.587785, 0.809017},
                                         {-0.951057, -0.309017}};
  const double px = x * 0.951057, py = (y + 1) * 0.904508 - 1;  // box to unit circle
  int beyond = 0;
  for (const auto& tip : kTips) beyond += px * tip[0] + py * tip[1] > 0.309017;
  return beyond <= 1;
}

bool inside_heart(double x, double y) {
  const double ax = std::abs(x);
  const double dx = ax - 0.5, dy = y + 0.5;
  if (dx * dx + dy * dy <= 0.25) return true;  // two lobes
  if (y < -0.5) return false;
  return ax <= (y < -0.25 ? 0.93 : 0.97 * (1 - y) / 1.25);  // down to the tip
}

}  // namespace

bool inside_shape(int shape, double x, double y) {
  if (std::abs(x) > 1 || std::abs(y) > 1) return false;
  const double r2 = x * x + y * y;
  switch (static_cast<Shape>(shape)) {
    case Shape::kCircle:
      return r2 <= 1;
    case Shape::kSquare:
      return true;
    case Shape::kTriangle:
      return std::abs(x) <= (y + 1) / 2;
    case Shape::kStar:
      return inside_star(x, y);
    case Shape::kCross:
      return std::abs(x) <= 0.34 || std::abs(y) <= 0.34;
    case Shape::kDiamond:
      return std::abs(x) + std::abs(y) <= 1;
    case Shape::kRing:
      return r2 <= 1 && r2 >= 0.55 * 0.55;
    case Shape::kHeart:
      return inside_heart(x, y);
  }
  return false;
}

bool inside_text(const std::string& text, double x, double y) {
  if (x < 0 || y < 0 || y >= 7) return false;
  const int column = static_cast<int>(x);
  const size_t letter = column / 6;
  const int bit = column % 6;
  if (letter >= text.size() || bit == 5) return false;
  const char c = text[letter];
  const Glyph& glyph = c >= '0' && c <= '9' ? kDigits[c - '0'] : kLetters[c - 'A'];
  return (glyph[static_cast<int>(y)] >> (4 - bit)) & 1;
}

}  // namespace shijian::synth
