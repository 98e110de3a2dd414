#include "synth/render.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "synth/labels.h"
#include "synth/shapes.h"
#include "synth/world.h"

namespace shijian::synth {
namespace {

std::vector<uint8_t> picture(const Script& script, double ms) {
  std::vector<uint8_t> rgb(static_cast<size_t>(script.width) * script.height * 3);
  Renderer(script).draw(ms, rgb.data());
  return rgb;
}

// Draws each event's clip with and without what the event is about: the two pictures differ inside
// the spans and are the same outside.
TEST(SynthRender, WhatIsDrawnIsWhatIsAnnotated) {
  int checked = 0;
  for (int i = 0; i < 30; ++i) {
    const Script s = make_script(8, i, {});
    for (const Event& event : s.events) {
      Script without = s;
      bool differs_inside = true;
      switch (event.kind) {
        case Kind::kColour:
          without.objects[event.object].changes.clear();
          break;
        case Kind::kCut:
          without.scenes[event.scene].hue = s.scenes[event.scene - 1].hue;
          break;
        case Kind::kMove:
        case Kind::kStop:
        case Kind::kTouch:
        case Kind::kOrder:
          continue;
        default:
          without.objects[event.object].stays.clear();
          differs_inside = event.kind != Kind::kLeave;
      }
      for (const Span& span : event.spans) {
        SCOPED_TRACE(fmt::format("clip {} {}", i, kind_name(event.kind)));
        for (const int ms : {span.start, (span.start + span.end) / 2, span.end - 1}) {
          EXPECT_EQ(picture(s, ms) != picture(without, ms), differs_inside);
        }
        for (const int ms : {span.start - 1, span.end}) {
          const bool elsewhere = event.kind != Kind::kLeave;
          EXPECT_EQ(picture(s, ms) == picture(without, ms), elsewhere);
        }
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 40);
}

TEST(SynthRender, ShapesHaveTheirColourAndStandOut) {
  for (int i = 0; i < 25; ++i) {
    const Script s = make_script(12, i, {});
    const double unit = s.short_side() / 1000.0;
    for (const Object& object : s.objects) {
      if (object.identity.type != ObjectType::kShape) continue;
      const Span span = object.stays[0].span;
      const int ms = (span.start + span.end) / 2;
      const auto at = placement_at(object, ms);
      const auto rgb = picture(s, ms);
      // A point that every shape fills, but for the ring, whose hole is in the middle.
      const bool ring = object.identity.value == static_cast<int>(Shape::kRing);
      const int x = std::lround(at->x * unit + (ring ? 0.72 * object.half_width * unit : 0));
      const int y = std::lround(at->y * unit);
      if (x < 1 || y < 1 || x >= s.width - 1 || y >= s.height - 1) continue;
      const Rgb want = kColourValues[at->colour];
      const uint8_t* p = rgb.data() + (static_cast<size_t>(y) * s.width + x) * 3;
      EXPECT_NEAR(p[0], want.r, 48) << i;
      EXPECT_NEAR(p[1], want.g, 48) << i;
      EXPECT_NEAR(p[2], want.b, 48) << i;
    }
  }
}

TEST(SynthShapes, FillTheirBoxAndDiffer) {
  for (int shape = 0; shape < 8; ++shape) {
    int count = 0, left = 100, right = -1, top = 100, bottom = -1;
    for (int y = 0; y < 100; ++y) {
      for (int x = 0; x < 100; ++x) {
        if (!inside_shape(shape, (x + 0.5) / 50 - 1, (y + 0.5) / 50 - 1)) continue;
        ++count;
        left = std::min(left, x), right = std::max(right, x);
        top = std::min(top, y), bottom = std::max(bottom, y);
      }
    }
    EXPECT_GT(count, 3000) << kShapes[shape].english;
    EXPECT_LE(left, 3) << kShapes[shape].english;
    EXPECT_GE(right, 96) << kShapes[shape].english;
    EXPECT_LE(top, 2) << kShapes[shape].english;
    EXPECT_GE(bottom, 97) << kShapes[shape].english;
  }
  EXPECT_TRUE(inside_text("1", 2.5, 3.5));
  EXPECT_FALSE(inside_text("1", 0.5, 3.5));
  EXPECT_FALSE(inside_text("1", 5.5, 3.5));  // between letters
  EXPECT_TRUE(inside_text("GO", 6.5, 3.5));  // the left side of the O
  EXPECT_FALSE(inside_text("GO", 12.5, 3.5));
}

TEST(SynthLabels, NameTheObjectWhereItIs) {
  Script s;
  s.width = 160;
  s.height = 120;
  s.rate = {10, 1};
  s.frames = 50;
  s.duration_ms = 5000;
  s.scenes = {{0, 0, 1}, {2000, 1, 2}};
  Object square;
  square.identity = {ObjectType::kShape, static_cast<int>(Shape::kSquare), 2};
  square.half_width = square.half_height = 250;  // 60 pixels wide
  square.changes = {{3000, 5}};
  square.stays = {{{1000, 5000}, {{1000, 250, 250}}, {0, 0, 500, 500}}};
  s.objects = {square};
  const std::vector<double> times{0, 0.5, 0.9, 1.1, 2.0, 2.5, 3.5, 4.0, 4.5};
  const LabelGrid grid{5, 4, 4};  // rectangles of 40 x 30 pixels
  const auto labels = make_labels(s, times, grid);
  ASSERT_EQ(labels.size(), 5u * 16 * 4);
  const auto at = [&](int slot, int row, int column, int what) {
    return labels[((slot * 4 + row) * 4 + column) * 4 + what];
  };
  EXPECT_EQ(at(0, 0, 0, 0), 0);  // not there yet
  EXPECT_EQ(at(0, 0, 0, 2), 0x11);
  EXPECT_EQ(at(1, 0, 0, 0), 1);     // in one of the slot's two frames
  EXPECT_EQ(at(1, 0, 0, 1), 0x30);  // the second
  EXPECT_EQ(at(1, 0, 0, 3), 127);
  EXPECT_EQ(at(2, 1, 0, 3), 255);
  EXPECT_EQ(at(2, 0, 1, 3), 127);  // half covered
  EXPECT_EQ(at(2, 0, 2, 0), 0);
  EXPECT_EQ(at(2, 0, 2, 3), 0);
  EXPECT_EQ(at(2, 2, 0, 0), 0);
  EXPECT_EQ(at(2, 3, 3, 2), 0x22);  // after the cut
  EXPECT_EQ(at(3, 0, 0, 1), 0x66);  // after the change of colour
  EXPECT_EQ(at(4, 0, 0, 3), 255);   // the odd last frame counts twice
  // A slot that a cut and a change of colour fall into shows both sides of each.
  const auto split = make_labels(s, {1.9, 3.1}, {1, 4, 4});
  EXPECT_EQ(split[1], 0x63);
  EXPECT_EQ(split[2], 0x21);
}

}  // namespace
}  // namespace shijian::synth
