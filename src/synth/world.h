// What the synthetic world is made of: shapes, colours, texts and backgrounds, their names in both
// languages, and the fixed rule that keeps some combinations out of training.
//
// The order of each list is part of the formats: labels of `synth --stream` are indices into them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace shijian::synth {

struct Name {
  std::string_view english;
  std::string_view chinese;
};
struct Rgb {
  uint8_t r, g, b;
};

enum class Shape { kCircle, kSquare, kTriangle, kStar, kCross, kDiamond, kRing, kHeart };
inline constexpr std::array<Name, 8> kShapes{{{"circle", "圆形"},
                                              {"square", "正方形"},
                                              {"triangle", "三角形"},
                                              {"star", "星形"},
                                              {"cross", "十字"},
                                              {"diamond", "菱形"},
                                              {"ring", "圆环"},
                                              {"heart", "心形"}}};

inline constexpr std::array<Name, 8> kColours{{{"red", "红色"},
                                               {"green", "绿色"},
                                               {"blue", "蓝色"},
                                               {"yellow", "黄色"},
                                               {"purple", "紫色"},
                                               {"orange", "橙色"},
                                               {"white", "白色"},
                                               {"cyan", "青色"}}};
inline constexpr std::array<Rgb, 8> kColourValues{{{226, 28, 32},
                                                   {24, 190, 52},
                                                   {48, 100, 255},
                                                   {250, 226, 36},
                                                   {176, 64, 226},
                                                   {255, 132, 16},
                                                   {246, 246, 246},
                                                   {52, 222, 230}}};

// No word holds another, so that a word on screen is never a second reading of its neighbour.
inline constexpr std::array<std::string_view, 24> kWords{
    {"GO",   "NO",   "UP",   "BUS",  "ZOO",   "RUN",   "STOP",  "OPEN",
     "EXIT", "HELP", "NEWS", "LIVE", "SALE",  "TAXI",  "CAFE",  "BANK",
     "JUMP", "MENU", "PARK", "LEFT", "RIGHT", "MUSIC", "HOTEL", "PIZZA"}};

enum class Pattern { kPlain, kStripes, kCheckerboard, kDots, kGradient, kWaves };
inline constexpr std::array<Name, 6> kPatterns{{{"plain", "纯色"},
                                                {"stripes", "条纹"},
                                                {"checkerboard", "棋盘格"},
                                                {"dots", "圆点"},
                                                {"gradient", "渐变"},
                                                {"waves", "波浪"}}};
// Dark, so that objects stand out.
inline constexpr std::array<Name, 6> kHues{{{"grey", "灰色"},
                                            {"black", "黑色"},
                                            {"brown", "棕色"},
                                            {"navy", "深蓝色"},
                                            {"dark green", "深绿色"},
                                            {"maroon", "深红色"}}};
inline constexpr std::array<Rgb, 6> kHueValues{
    {{92, 92, 96}, {16, 16, 18}, {104, 68, 34}, {20, 28, 104}, {14, 78, 38}, {104, 14, 40}}};

// About one combination in five is held out: `train` never shows one, not even on a distractor or
// in a question without an answer; `heldout` asks about nothing else. Each shape, colour, digit,
// place of a digit, word, pattern and hue occurs on both sides.
constexpr bool shape_held_out(int shape, int colour) { return (3 * shape + colour) % 5 == 2; }
constexpr bool word_held_out(int word, int colour) { return (word + 2 * colour) % 5 == 1; }
// A number of one digit is held out with some colours, one of two digits with all or none.
constexpr bool number_held_out(int number, int colour) {
  return number < 10 ? (number + 3 * colour) % 5 == 3 : (number / 10 + 2 * (number % 10)) % 5 == 4;
}
constexpr bool background_held_out(int pattern, int hue) { return (2 * pattern + hue) % 5 == 3; }

}  // namespace shijian::synth
