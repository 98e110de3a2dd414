#include "synth/questions.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "synth/world.h"

namespace shijian::synth {
namespace {

std::vector<std::pair<Script, std::vector<Question>>> asked(Split split, int clips, int most,
                                                            int rounds) {
  std::vector<std::pair<Script, std::vector<Question>>> all;
  ScriptOptions options;
  options.split = split;
  for (int i = 0; i < clips; ++i) {
    Script script = make_script(17, i, options);
    auto questions = make_questions(script, most, rounds);
    all.emplace_back(std::move(script), std::move(questions));
  }
  return all;
}

double iou(const Span& a, double start, double end) {
  const double both = std::min<double>(a.end, end) - std::max<double>(a.start, start);
  return std::max(0.0, both) / (std::max<double>(a.end, end) - std::min<double>(a.start, start));
}

TEST(SynthQuestions, HaveEveryKindBothLanguagesAndAFifthWithoutAnswer) {
  std::map<Kind, int> kinds;
  std::map<std::string, int> languages;
  int total = 0;
  for (const auto& [script, questions] : asked(Split::kHeldOut, 300, 5, 1)) {
    EXPECT_GE(questions.size(), 2u);
    EXPECT_LE(questions.size(), 5u);
    std::set<std::string> queries;
    for (const Question& q : questions) {
      EXPECT_TRUE(queries.insert(q.query).second) << q.query;
      EXPECT_EQ(q.query.find_first_of("{}"), std::string::npos);
      EXPECT_EQ(q.spans.empty(), q.kind == Kind::kAbsent);
      const bool ascii = std::all_of(q.query.begin(), q.query.end(), [](char c) { return c > 0; });
      EXPECT_EQ(ascii, q.language == "en") << q.query;
      ++kinds[q.kind];
      ++languages[q.language];
      ++total;
    }
  }
  for (int k = 0; k < kKindCount; ++k) EXPECT_GT(kinds[static_cast<Kind>(k)], 5) << k;
  EXPECT_NEAR(kinds[Kind::kAbsent], total * 0.22, total * 0.04);
  EXPECT_GT(languages["en"], total / 3);
  EXPECT_GT(languages["zh"], total / 3);
}

// Words of absent and of answered questions are alike: a template tells nothing.
TEST(SynthQuestions, AbsentOnesUseTheSameTemplates) {
  const auto skeleton = [](std::string query) {
    for (const auto& names :
         {std::vector<Name>(kColours.begin(), kColours.end()), {kShapes.begin(), kShapes.end()}}) {
      for (const Name& name : names) {
        for (const std::string_view word : {name.english, name.chinese}) {
          for (size_t at; (at = query.find(word)) != std::string::npos;)
            query.replace(at, word.size(), "_");
        }
      }
    }
    return query;
  };
  std::set<std::string> answered, absent;
  for (const auto& [script, questions] : asked(Split::kTrain, 1500, 12, 3)) {
    for (const Question& q : questions) {
      const bool shape =
          q.query.find_first_of("0123456789ABCDEFGHIJKLMNOPQRSTUVXYZ") == std::string::npos;
      const bool scene =
          q.query.find("scene") != std::string::npos || q.query.find("背景") != std::string::npos;
      if (shape && !scene) (q.kind == Kind::kAbsent ? absent : answered).insert(skeleton(q.query));
    }
  }
  EXPECT_GT(absent.size(), 20u);
  for (const std::string& words : absent) EXPECT_TRUE(answered.count(words)) << words;
}

TEST(SynthQuestions, TrainingNeverNamesWhatIsHeldOut) {
  for (const auto& [script, questions] : asked(Split::kTrain, 300, 8, 3)) {
    for (const Question& q : questions) {
      for (int shape = 0; shape < 8; ++shape) {
        for (int colour = 0; colour < 8; ++colour) {
          if (!shape_held_out(shape, colour)) continue;
          const auto english =
              fmt::format("{} {}", kColours[colour].english, kShapes[shape].english);
          const auto chinese =
              fmt::format("{}的{}", kColours[colour].chinese, kShapes[shape].chinese);
          const auto short_chinese =
              fmt::format("{}{}", kColours[colour].chinese, kShapes[shape].chinese);
          for (const auto& name : {english, chinese, short_chinese}) {
            EXPECT_EQ(q.query.find(name), std::string::npos) << q.query;
          }
        }
      }
    }
  }
}

TEST(SynthQuestions, AreTheSameForTheSameScript) {
  const Script script = make_script(3, 1, {});
  const auto one = make_questions(script, 8, 3), two = make_questions(script, 8, 3);
  ASSERT_EQ(one.size(), two.size());
  for (size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i].query, two[i].query);
}

// The bar of the held-out set: no answer that ignores the video does well.
TEST(SynthQuestions, TheBestConstantAnswerIsSeldomRight) {
  struct Answer {
    Span span;
    int duration;
  };
  std::vector<Answer> answers;
  for (const auto& [script, questions] : asked(Split::kHeldOut, 300, 5, 1)) {
    for (const Question& q : questions) {
      if (q.spans.size() == 1) answers.push_back({q.spans[0], script.duration_ms});
    }
  }
  double best = 0;
  for (int start = 0; start < 30000; start += 500) {
    for (int length = 1500; length <= 8000; length += 500) {
      int hits = 0;
      for (const Answer& a : answers) hits += iou(a.span, start, start + length) >= 0.5;
      best = std::max(best, static_cast<double>(hits) / answers.size());
    }
  }
  for (int i = 0; i < 40; ++i) {
    for (int j = 2; j <= 16; ++j) {
      const double start = i / 40.0, length = j / 40.0;  // of the clip
      int hits = 0;
      for (const Answer& a : answers) {
        hits += iou(a.span, start * a.duration, (start + length) * a.duration) >= 0.5;
      }
      best = std::max(best, static_cast<double>(hits) / answers.size());
    }
  }
  EXPECT_LE(best, 0.15);
  RecordProperty("best_constant_r1_at_05", std::to_string(best));
}

}  // namespace
}  // namespace shijian::synth
