#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "synth/casting.h"
#include "synth/questions.h"
#include "synth/script.h"
#include "synth/world.h"

namespace shijian::synth {
namespace {

Script long_script(int64_t index, int seconds) {
  ScriptOptions options;
  options.split = Split::kHeldOut;
  options.min_ms = options.max_ms = seconds * 1000;
  options.rate = FrameRate{10, 1};
  return make_script(3, index, options);
}

// When a test is true, looked at every 100 ms.
template <typename Test>
std::vector<Span> times_of(const Script& script, Test test) {
  std::vector<Span> spans;
  bool before = false;
  for (int ms = 0; ms < script.duration_ms; ms += 100) {
    const bool now = test(ms);
    if (now && !before) spans.push_back({ms, ms});
    if (now) spans.back().end = ms + 100;
    before = now;
  }
  return spans;
}

bool shows(const Script& script, const Identity& identity, int ms) {
  return std::any_of(script.objects.begin(), script.objects.end(), [&](const Object& object) {
    return share_a_name(object.identity, identity) && placement_at(object, ms);
  });
}

TEST(SynthActs, EventsAreAllThatCanBeMeant) {
  std::map<Kind, int> kinds;
  for (int i = 0; i < 12; ++i) {
    SCOPED_TRACE(i);
    const Script script = long_script(i, i % 3 == 0 ? 300 : i % 3 == 1 ? 1200 : 90);
    for (const Event& event : script.events) {
      ++kinds[event.kind];
      const auto truth = times_of(script, [&](int ms) {
        if (event.kind != Kind::kCut)
          return shows(script, script.objects[event.object].identity, ms);
        const Scene &now = script.scenes[scene_at(script, ms)],
                    &wanted = script.scenes[event.scene];
        return now.pattern == wanted.pattern && now.hue == wanted.hue;
      });
      std::vector<Span> expected = truth;
      if (event.kind == Kind::kOrder) {
        ASSERT_GE(truth.size(), 2u);
        expected = {event.ordinal == Ordinal::kFirst    ? truth[0]
                    : event.ordinal == Ordinal::kSecond ? truth[1]
                                                        : truth.back()};
      }
      ASSERT_EQ(event.spans.size(), expected.size()) << kind_name(event.kind);
      for (size_t s = 0; s < expected.size(); ++s) {
        EXPECT_NEAR(event.spans[s].start, expected[s].start, 100);
        EXPECT_NEAR(event.spans[s].end, expected[s].end, 100);
      }
    }
  }
  for (const Kind kind : {Kind::kVisible, Kind::kAppear, Kind::kText, Kind::kDigit, Kind::kCut,
                          Kind::kOrder, Kind::kAll}) {
    EXPECT_GT(kinds[kind], 0) << kind_name(kind);
  }
}

TEST(SynthActs, AFifthIsAbsent) {
  int absent = 0;
  for (int i = 0; i < 6; ++i) {
    const Script script = long_script(i, 1800);
    const auto questions = make_questions(script, 20, 1);
    EXPECT_EQ(questions.size(), 20u);
    for (const Question& question : questions) absent += question.kind == Kind::kAbsent;
  }
  EXPECT_GT(absent, 12);
  EXPECT_LT(absent, 48);
}

// Things happen in the still half and in the busy half alike, and all over the clip.
TEST(SynthActs, EventsStandAnywhere) {
  const Script script = long_script(1, 3600);
  EXPECT_EQ(script.duration_ms, 3'600'000);
  std::map<int, int> thirds;
  int wandering = 0;
  for (const Event& event : script.events) ++thirds[3 * event.spans[0].start / script.duration_ms];
  EXPECT_EQ(thirds.size(), 3u);
  const auto busy = times_of(script, [&](int ms) {
    return std::any_of(script.objects.begin(), script.objects.end(), [&](const Object& object) {
      const auto now = placement_at(object, ms), next = placement_at(object, ms + 100);
      return now && next && (now->x != next->x || now->y != next->y);
    });
  });
  for (const Span& span : busy) wandering += span.end - span.start;
  EXPECT_GT(wandering, script.duration_ms * 4 / 10);
  EXPECT_LT(wandering, script.duration_ms * 9 / 10);
}

}  // namespace
}  // namespace shijian::synth
