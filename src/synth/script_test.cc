#include "synth/script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "synth/dataset.h"
#include "synth/random.h"
#include "synth/world.h"

namespace shijian::synth {
namespace {

ScriptOptions options_for(Split split, int min_ms = 10000, int max_ms = 30000) {
  ScriptOptions options;
  options.split = split;
  options.min_ms = min_ms;
  options.max_ms = max_ms;
  return options;
}

TEST(SynthRandom, IsAFixedFunctionOfKeyAndCounter) {
  // The published outputs of SplitMix64 for the seed 1234567.
  EXPECT_EQ(splitmix64(1234567), 6457827717110365317ull);
  EXPECT_EQ(splitmix64(1234567 + kSplitMixStep), 3203168211198807973ull);
  Random one(5), same(5), other(6);
  EXPECT_EQ(one.next(), same.next());
  EXPECT_NE(one.next(), other.next());
  int counts[7] = {};
  for (int i = 0; i < 70000; ++i) ++counts[one.between(-3, 3) + 3];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 400);
  EXPECT_EQ(one.between(4, 4), 4);
}

TEST(SynthScript, AnnotationsAreTheSameBytesEverywhere) {
  std::string text;
  for (const Split split : {Split::kTrain, Split::kHeldOut}) {
    DatasetOptions options;
    options.script = options_for(split, 5000, 60000);
    options.seed = 20;
    for (int i = 0; i < 40; ++i) text += annotation_lines(options, i);
  }
  // Changes with the design of the world, never with the machine, the compiler or the library.
  EXPECT_EQ(content_hash(std::as_bytes(std::span(text))), "84e424c83f9c0d42e7b5b928568cbfa6");
}

TEST(SynthScript, KeepsTheBoundsOfItsDescription) {
  for (const Split split : {Split::kTrain, Split::kHeldOut}) {
    for (int i = 0; i < 300; ++i) {
      SCOPED_TRACE(fmt::format("clip {}", i));
      const int low = i % 3 == 0 ? 5000 : 10000, high = i % 3 == 1 ? 60000 : 30000;
      const Script s = make_script(9, i, options_for(split, low, high));
      ASSERT_GE(s.duration_ms, low - 100);
      ASSERT_LE(s.duration_ms, high + 100);
      ASSERT_NEAR(s.frames / s.rate.value() * 1000, s.duration_ms, 1);
      ASSERT_GE(s.objects.size(), 4u);
      ASSERT_LE(s.objects.size(), 10u);
      ASSERT_GE(s.scenes.size(), 1u);
      ASSERT_LE(s.scenes.size(), 4u);
      ASSERT_GE(std::count_if(s.objects.begin(), s.objects.end(),
                              [](const Object& o) { return !o.target; }),
                3);
      ASSERT_FALSE(s.events.empty());
      for (const Event& event : s.events) {
        int total = 0, last = 0;
        ASSERT_FALSE(event.spans.empty());
        for (const Span& span : event.spans) {
          EXPECT_GE(span.start, std::max(500, last + 500));
          EXPECT_LE(span.end, s.duration_ms - 500);
          EXPECT_GE(span.end - span.start, std::min(2000, s.duration_ms / 5));
          EXPECT_LE(span.end - span.start, 8000);
          EXPECT_LE((span.end - span.start) * 10, s.duration_ms * 3);
          total += span.end - span.start;
          last = span.end;
        }
        EXPECT_LE(total * 10, s.duration_ms * 3);
      }
      for (const Object& object : s.objects) {
        // At least two patches of the usual frame wide; letters at least a sixth of it high.
        if (object.identity.type == ObjectType::kShape) {
          EXPECT_GE(2 * object.half_width, 300);
        } else {
          EXPECT_GE(object.cell * 7, 166);
        }
        int last = -1;
        for (const Stay& stay : object.stays) {
          EXPECT_GT(stay.span.start, last);
          EXPECT_GT(stay.span.end, stay.span.start);
          EXPECT_LE(stay.span.end, s.duration_ms);
          last = stay.span.end;
        }
      }
    }
  }
}

TEST(SynthScript, EventsMayLastAsLongAsTheClip) {
  ScriptOptions options = options_for(Split::kTrain);
  options.kinds = 1u << static_cast<int>(Kind::kVisible) | 1u << static_cast<int>(Kind::kText) |
                  1u << static_cast<int>(Kind::kLeave);
  const auto count = [&](int percent) {
    options.long_percent = percent;
    int whole = 0, lasting = 0, all = 0;
    for (int i = 0; i < 200; ++i) {
      const Script s = make_script(8, i, options);
      for (const Event& event : s.events) {
        if (event.kind == Kind::kLeave) {
          EXPECT_LE((event.spans[0].end - event.spans[0].start) * 10, s.duration_ms * 3);
          continue;
        }
        ++all;
        const Span span = event.spans[0];
        EXPECT_EQ(s.objects[event.object].stays[0].span, span);
        EXPECT_EQ(s.objects[event.object].stays.size(), 1u);
        whole += span == Span{0, s.duration_ms};
        lasting += (span.end - span.start) * 10 > s.duration_ms * 3;
      }
    }
    EXPECT_GT(all, 200);
    return std::pair(100 * whole / all, 100 * lasting / all);
  };
  EXPECT_EQ(count(0), std::pair(0, 0));
  const auto [whole, lasting] = count(100);
  EXPECT_GT(whole, 35);
  EXPECT_LT(whole, 60);
  EXPECT_GT(lasting, 80);
  options.long_percent = 101;
  EXPECT_THROW(make_script(8, 0, options), Error);
}

TEST(SynthScript, DistractorsShareAShapeOrAColourWithAnother) {
  int alike = 0, all = 0;
  for (int i = 0; i < 200; ++i) {
    const Script s = make_script(2, i, options_for(Split::kTrain));
    for (const Object& one : s.objects) {
      if (one.target) continue;
      ++all;
      alike += std::any_of(s.objects.begin(), s.objects.end(), [&](const Object& other) {
        return &other != &one && (other.identity.colour == one.identity.colour ||
                                  (other.identity.type == one.identity.type &&
                                   other.identity.value == one.identity.value));
      });
    }
  }
  EXPECT_GT(alike, all * 95 / 100);
}

TEST(SynthScript, TrainingNeverShowsWhatIsHeldOut) {
  for (int i = 0; i < 400; ++i) {
    const Script train = make_script(3, i, options_for(Split::kTrain));
    for (const Object& object : train.objects) {
      EXPECT_FALSE(object.identity.held_out());
      for (const ColourChange& change : object.changes) {
        EXPECT_FALSE(
            (Identity{object.identity.type, object.identity.value, change.colour}.held_out()));
      }
    }
    for (const Scene& scene : train.scenes)
      EXPECT_FALSE(background_held_out(scene.pattern, scene.hue));

    const Script held = make_script(3, i, options_for(Split::kHeldOut));
    for (const Event& event : held.events) {
      if (event.object >= 0) {
        EXPECT_TRUE(held.objects[event.object].identity.held_out());
      }
      if (event.other >= 0) {
        EXPECT_TRUE(held.objects[event.other].identity.held_out());
      }
      if (event.scene >= 0) {
        EXPECT_TRUE(
            background_held_out(held.scenes[event.scene].pattern, held.scenes[event.scene].hue));
      }
    }
  }
}

TEST(SynthScript, EachPartOccursOnBothSidesOfTheSplit) {
  const auto both = [](int parts, int others, auto held_out) {
    for (int part = 0; part < parts; ++part) {
      int held = 0;
      for (int other = 0; other < others; ++other) held += held_out(part, other);
      EXPECT_GT(held, 0) << part;
      EXPECT_LT(held, others / 2) << part;
    }
  };
  both(8, 8, [](int shape, int colour) { return shape_held_out(shape, colour); });
  both(8, 8, [](int colour, int shape) { return shape_held_out(shape, colour); });
  both(24, 8, [](int word, int colour) { return word_held_out(word, colour); });
  both(10, 8, [](int digit, int colour) { return number_held_out(digit, colour); });
  both(10, 9, [](int unit, int ten) { return number_held_out(10 * (ten + 1) + unit, 0); });
  both(6, 6, [](int pattern, int hue) { return background_held_out(pattern, hue); });
  both(6, 6, [](int hue, int pattern) { return background_held_out(pattern, hue); });
}

TEST(SynthScript, NamesOnScreenAreUnambiguous) {
  for (int i = 0; i < 300; ++i) {
    const Script s = make_script(4, i, options_for(Split::kHeldOut));
    std::set<std::pair<int, int>> shapes;
    std::vector<std::string> texts;
    for (const Object& object : s.objects) {
      if (object.identity.type != ObjectType::kShape) {
        for (const std::string& text : texts) {
          EXPECT_EQ(text.find(object.identity.text()), std::string::npos);
          EXPECT_EQ(object.identity.text().find(text), std::string::npos);
        }
        texts.push_back(object.identity.text());
        continue;
      }
      std::set<int> colours{object.identity.colour};
      for (const ColourChange& change : object.changes) colours.insert(change.colour);
      for (const int colour : colours) {
        EXPECT_TRUE(shapes.insert({object.identity.value, colour}).second);
      }
    }
  }
}

// What the header promises about each kind, read off the objects themselves.
TEST(SynthScript, EventsAreWhatTheirObjectsDo) {
  int seen[kKindCount] = {};
  for (int i = 0; i < 500; ++i) {
    const Script s = make_script(6, i, options_for(Split::kTrain));
    for (const Event& event : s.events) {
      SCOPED_TRACE(fmt::format("clip {} {}", i, kind_name(event.kind)));
      ++seen[static_cast<int>(event.kind)];
      const Span span = event.spans[0];
      const auto at = [&](int object, int ms) { return placement_at(s.objects[object], ms); };
      const auto still = [&](int from, int to) {
        const auto a = at(event.object, from), b = at(event.object, to);
        return a && b && a->x == b->x && a->y == b->y;
      };
      switch (event.kind) {
        case Kind::kVisible:
        case Kind::kAppear:
        case Kind::kText:
        case Kind::kDigit:
          ASSERT_EQ(s.objects[event.object].stays.size(), 1u);
          EXPECT_EQ(s.objects[event.object].stays[0].span, span);
          break;
        case Kind::kLeave:
          EXPECT_TRUE(at(event.object, span.start - 1));
          EXPECT_FALSE(at(event.object, span.start));
          EXPECT_FALSE(at(event.object, span.end - 1));
          EXPECT_TRUE(at(event.object, span.end));
          EXPECT_TRUE(at(event.object, s.duration_ms - 1));
          break;
        case Kind::kMove:
          EXPECT_TRUE(still(span.start - 200, span.start));
          EXPECT_TRUE(still(span.end, span.end + 200));
          for (int ms = span.start; ms + 100 < span.end; ms += 100)
            EXPECT_FALSE(still(ms, ms + 60));
          break;
        case Kind::kStop:
          EXPECT_TRUE(still(span.start, span.end - 1));
          EXPECT_FALSE(still(span.start - 100, span.start));
          EXPECT_FALSE(still(span.end, span.end + 100));
          break;
        case Kind::kColour:
          EXPECT_NE(at(event.object, span.start - 1)->colour, event.colour);
          EXPECT_EQ(at(event.object, span.start)->colour, event.colour);
          EXPECT_EQ(at(event.object, span.end - 1)->colour, event.colour);
          if (const auto after = at(event.object, span.end)) {
            EXPECT_NE(after->colour, event.colour);
          }
          break;
        case Kind::kTouch: {
          const Object &a = s.objects[event.object], &b = s.objects[event.other];
          const auto gap = [&](int ms) {  // between the boxes; negative apart
            const auto p = placement_at(a, ms), q = placement_at(b, ms);
            return p && q ? std::min(a.half_width + b.half_width - std::abs(p->x - q->x),
                                     a.half_height + b.half_height - std::abs(p->y - q->y))
                          : -1000.0;
          };
          EXPECT_EQ(gap(span.start), 0);
          EXPECT_EQ(gap(span.end), 0);
          EXPECT_LT(gap(span.start - 50), 0);
          EXPECT_LT(gap(span.end + 50), 0);
          break;
        }
        case Kind::kCut:
          EXPECT_EQ(scene_at(s, span.start), event.scene);
          EXPECT_EQ(scene_at(s, span.start - 1), event.scene - 1);
          EXPECT_EQ(scene_at(s, span.end), event.scene + 1);
          break;
        case Kind::kOrder:
        case Kind::kAll: {
          std::vector<Span> stays;
          for (const Stay& stay : s.objects[event.object].stays) stays.push_back(stay.span);
          ASSERT_GE(stays.size(), 2u);
          if (event.kind == Kind::kAll) {
            EXPECT_EQ(event.spans, stays);
          } else {
            EXPECT_EQ(span, event.ordinal == Ordinal::kFirst    ? stays.front()
                            : event.ordinal == Ordinal::kSecond ? stays[1]
                                                                : stays.back());
          }
          break;
        }
        case Kind::kAbsent:
          ADD_FAILURE();
      }
    }
  }
  for (int k = 0; k < kKindCount - 1; ++k) EXPECT_GT(seen[k], 5) << kind_name(static_cast<Kind>(k));
}

TEST(SynthScript, OptionsAreKept) {
  ScriptOptions options = options_for(Split::kTrain, 7000, 7000);
  options.width = 320;
  options.height = 180;
  options.rate = FrameRate{30000, 1001};
  options.kinds = 1u << static_cast<int>(Kind::kTouch);
  for (int i = 0; i < 10; ++i) {
    const Script s = make_script(1, i, options);
    EXPECT_EQ(s.width, 320);
    EXPECT_EQ(s.height, 180);
    EXPECT_EQ(s.frames, 210);
    EXPECT_EQ(s.duration_ms, 7007);
    for (const Event& event : s.events) EXPECT_EQ(event.kind, Kind::kTouch);
  }
}

TEST(SynthScript, RefusesWhatCannotBe) {
  const auto refused = [](auto change) {
    ScriptOptions options;
    change(options);
    try {
      make_script(1, 0, options);
    } catch (const Error& error) {
      return error.code() == ErrorCode::kUsage && !error.hint().empty();
    }
    return false;
  };
  EXPECT_TRUE(refused([](auto& o) { o.min_ms = 4000; }));
  EXPECT_TRUE(refused([](auto& o) { o.max_ms = 61000; }));
  EXPECT_TRUE(refused([](auto& o) { o.min_ms = 20000, o.max_ms = 19000; }));
  EXPECT_TRUE(refused([](auto& o) { o.width = 161, o.height = 120; }));
  EXPECT_TRUE(refused([](auto& o) { o.width = 64, o.height = 64; }));
  EXPECT_TRUE(refused([](auto& o) { o.width = 640, o.height = 200; }));
  EXPECT_TRUE(refused([](auto& o) { o.rate = FrameRate{1000, 1}; }));
  EXPECT_TRUE(refused([](auto& o) { o.kinds = 0; }));
  EXPECT_TRUE(refused([](auto& o) {
    o.kinds = 1u << static_cast<int>(Kind::kAll);
    o.max_ms = 14000;
  }));
  EXPECT_TRUE(refused([](auto& o) { o.kinds = 1u << static_cast<int>(Kind::kAbsent); }));
}

}  // namespace
}  // namespace shijian::synth
