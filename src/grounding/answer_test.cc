#include "grounding/answer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "source_dir.h"

namespace shijian::grounding {
namespace {

std::string describe(const ParsedAnswer& answer) {
  std::string out = fmt::format("absent {} unparsed {} events", answer.absent, answer.unparsed);
  for (const Event& event : answer.events) {
    out += fmt::format(" [{}, {}, {}]", event.start, event.end, event.label);
  }
  for (const Note& note : answer.notes) out += fmt::format(" {}", note_code_name(note.code));
  return out;
}

ParsedAnswer parse(std::string_view text, double duration) {
  AnswerOptions options;
  options.to = duration;
  return parse_answer(text, options);
}

// Holds whatever the text was.
void expect_sound(const ParsedAnswer& answer, std::string_view text, double duration) {
  for (size_t i = 0; i < answer.events.size(); ++i) {
    const Event& event = answer.events[i];
    ASSERT_TRUE(std::isfinite(event.start) && std::isfinite(event.end));
    ASSERT_LE(0, event.start);
    ASSERT_LE(event.start, event.end);
    ASSERT_LE(event.end, duration);
    if (i > 0) {
      ASSERT_LE(answer.events[i - 1].start, event.start);
    }
    ASSERT_LE(event.start_range.end, text.size());
    ASSERT_LE(event.end_range.end, text.size());
  }
  ASSERT_LE(answer.absent + answer.unparsed, 1);
  if (!answer.events.empty()) {
    ASSERT_FALSE(answer.absent || answer.unparsed);
  }
  ASSERT_GT(answer.trust, 0);
  ASSERT_LE(answer.trust, 1);
}

// The table: real-looking answers in both languages, and the events a reader sees in them.
TEST(Answer, Table) {
  const Json cases = read_json_file(source_dir() / "src/grounding/answer_cases.json");
  ASSERT_GE(cases.size(), 150u);
  for (const Json& c : cases) {
    const std::string text = c["text"];
    const double duration = c["duration"];
    const ParsedAnswer answer = parse(text, duration);
    SCOPED_TRACE(text + "\n  " + describe(answer));
    expect_sound(answer, text, duration);
    EXPECT_EQ(answer.absent, c.value("absent", false));
    EXPECT_EQ(answer.unparsed, c.value("unparsed", false));
    ASSERT_EQ(answer.events.size(), c["events"].size());
    for (size_t i = 0; i < answer.events.size(); ++i) {
      const Json& expected = c["events"][i];
      EXPECT_NEAR(answer.events[i].start, expected[0].get<double>(), 1e-9);
      EXPECT_NEAR(answer.events[i].end, expected[1].get<double>(), 1e-9);
      if (expected.size() > 2) {
        EXPECT_EQ(answer.events[i].label, expected[2].get<std::string>());
      }
    }
    if (c.contains("reasoning")) {
      EXPECT_EQ(answer.reasoning, c["reasoning"].get<std::string>());
    }
    if (c.contains("notes")) {
      std::vector<std::string> notes;
      for (const Note& note : answer.notes) notes.emplace_back(note_code_name(note.code));
      std::sort(notes.begin(), notes.end());
      auto expected = c["notes"].get<std::vector<std::string>>();
      std::sort(expected.begin(), expected.end());
      EXPECT_EQ(notes, expected);
    }
  }
}

TEST(Answer, RangesPointAtTheWrittenTimes) {
  const std::string text = "<think>x 1.0</think>好：从第１２．５秒到 00:15，猫";
  const ParsedAnswer answer = parse(text, 30);
  ASSERT_EQ(answer.events.size(), 1u);
  const Event& event = answer.events[0];
  EXPECT_DOUBLE_EQ(event.start, 12.5);
  EXPECT_EQ(text.substr(event.start_range.begin, event.start_range.end - event.start_range.begin),
            "第１２．５秒");
  EXPECT_EQ(text.substr(event.end_range.begin, event.end_range.end - event.end_range.begin),
            "00:15");
  EXPECT_EQ(answer.reasoning, "x 1.0");
}

TEST(Answer, ReversedTimesKeepTheirOwnRanges) {
  const std::string text = "[[9.5, 4.25]]";
  const ParsedAnswer answer = parse(text, 30);
  ASSERT_EQ(answer.events.size(), 1u);
  EXPECT_EQ(text.substr(answer.events[0].start_range.begin, 4), "4.25");
  EXPECT_EQ(text.substr(answer.events[0].end_range.begin, 3), "9.5");
}

TEST(Answer, DefaultLabelAndOneLineLabels) {
  AnswerOptions options;
  options.to = 30;
  options.default_label = "a  dog\njumps";
  EXPECT_EQ(parse_answer("[[1, 2]]", options).events.at(0).label, "a dog jumps");
  EXPECT_EQ(parse_answer("[{\"start\":1,\"end\":2,\"label\":\" a\\n b\\u0007 \"}]", options)
                .events.at(0)
                .label,
            "a b");
}

TEST(Answer, StartsInThought) {
  AnswerOptions options;
  options.to = 30;
  options.starts_in_thought = true;
  const ParsedAnswer cut = parse_answer("I look at 3.0 - 5.0 seconds", options);
  EXPECT_TRUE(cut.unparsed);
  EXPECT_EQ(cut.reasoning, "I look at 3.0 - 5.0 seconds");
  EXPECT_EQ(cut.response, "");
  const ParsedAnswer done = parse_answer("hm</think>[[3.0, 5.0]]", options);
  EXPECT_EQ(done.reasoning, "hm");
  EXPECT_EQ(done.events.size(), 1u);
}

TEST(Answer, EveryNoteHasItsWords) {
  std::vector<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(NoteCode::kOtherStreams); ++code) {
    const Note note{static_cast<NoteCode>(code), 3};
    names.push_back(note_code_name(note.code));
    const std::string english = note_text(note, Language::kEnglish);
    const std::string chinese = note_text(note, Language::kChinese);
    EXPECT_FALSE(english.empty());
    EXPECT_EQ(detect_language(english), Language::kEnglish);
    EXPECT_EQ(detect_language(chinese), Language::kChinese) << chinese;
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end()) << "two codes share a name";
}

TEST(Answer, NotesHaveNumbersAsPeopleReadThem) {
  const auto limit = [](double seconds, double rate, double seen) {
    return note_text({NoteCode::kFrameLimit, 256, seconds, rate, seen}, Language::kEnglish);
  };
  EXPECT_EQ(limit(0.256, 1000, 17.18),
            "256 frames were seen, the most that are taken: 17.2 a "
            "second instead of 1000, and events may have been missed; "
            "to have that rate, ask about at most 0.256 s at a time");
  EXPECT_NE(limit(128, 2, 0.00002).find("0.00002 a second instead of 2,"), std::string::npos);
  EXPECT_NE(limit(8541.7, 29.97, 0.5).find("0.5 a second instead of 30,"), std::string::npos);
  EXPECT_NE(limit(8541.7, 29.97, 0.5).find("at most 8542 s"), std::string::npos);
}

TEST(Answer, HugeAndHostileTextsStayLinearAndSound) {
  const std::string pieces[] = {
      "[",       "{\"", "[[1,2],",         "5 - 6 s ", "{\"a\":",    "'",           "}, ",
      "1:",      "第",  "0:01 - 0:02\n",   "((",       "\"start\":", "]",           "\\",
      "x: \"\"", "no ", "1.0 to 2.0 and ", "五",       "<think>",    "不出现 3 秒 "};
  for (const std::string& piece : pieces) {
    std::string text;
    while (text.size() < 300000) text += piece;
    const ParsedAnswer answer = parse(text, 60);
    expect_sound(answer, text, 60);
  }
}

TEST(Answer, AnyMixtureOfPiecesIsSound) {
  const std::string_view pieces[] = {
      "[",         "]",      "{",        "}",       "(",       ")",           "\"",
      "'",         ",",      ":",        " ",       "\n",      "start",       "end",
      "\"label\"", "12.3",   "-5",       "00:12",   "1:02:03", "99999999999", "秒",
      "第",        "分",     "到",       "从",      "没有",    "出现",        "-",
      "–",         "to",     "from",     "between", "and",     "no",          "does not occur",
      "null",      "\xFF",   "\xE7\xA7", "５",      "．",      "s",           "ms",
      "last ",     "first ", "1e308",    "nan",     "the end", "<think>",     "</think>",
      "```json",   ".",      "。"};
  std::mt19937 random(7);
  for (int round = 0; round < 4000; ++round) {
    std::string text;
    const int count = static_cast<int>(random() % 40);
    for (int i = 0; i < count; ++i) text += pieces[random() % std::size(pieces)];
    const double duration = round % 5 == 0 ? 0 : static_cast<double>(random() % 1000) / 7;
    const ParsedAnswer answer = parse(text, duration);
    SCOPED_TRACE(text);
    expect_sound(answer, text, duration);
    if (HasFatalFailure()) return;
  }
  for (double duration : {0.0, -1.0, std::nan(""), double{INFINITY}, 1e300}) {
    const ParsedAnswer answer = parse("[[1, 2], [3, 99999]] 5 s - 6 s", duration);
    for (const Event& event : answer.events) EXPECT_TRUE(std::isfinite(event.end));
  }
}

// A part of a clip, by the file's clock: nothing comes from outside it.
TEST(ParseAnswer, StaysWithinWhatWasLookedAt) {
  AnswerOptions options;
  options.from = 7;
  options.to = 12;
  const auto read = [&](std::string_view text) {
    const ParsedAnswer answer = parse_answer(text, options);
    std::string out;
    for (const Event& e : answer.events) out += fmt::format("{}-{} ", e.start, e.end);
    for (const Note& note : answer.notes) out += note_code_name(note.code);
    return out;
  };
  EXPECT_EQ(read("[[8, 9.5]]"), "8-9.5 ");
  EXPECT_EQ(read("[[3, 9.5]]"), "7-9.5 clamped");
  EXPECT_EQ(read("[[6.95, 12.05]]"), "7-12 ");
  EXPECT_EQ(read("[[3, 5.5]]"), "outside_clip");
  EXPECT_EQ(read("[[3, 7]]"), "outside_clip");
  EXPECT_EQ(read("It happens at 3.2 seconds."), "outside_clip");
  EXPECT_EQ(read("It happens at 6.9 seconds."), "7-7 ");
  EXPECT_EQ(read("[[3, 5.5], [8, 20]]"), "8-12 outside_clipclamped");
}

TEST(ParseAnswer, CutsNothingInSilence) {
  std::string list = "[";
  for (int i = 0; i < 12000; ++i) list += fmt::format("[{}.0, {}.5],", 2 * i, 2 * i);
  list.back() = ']';
  const ParsedAnswer many = parse(list, 1e6);
  EXPECT_EQ(many.events.size(), 10000u);
  EXPECT_EQ(std::count_if(many.notes.begin(), many.notes.end(),
                          [](const Note& note) {
                            return note.code == NoteCode::kTooMany && note.count == 10000;
                          }),
            1);
  EXPECT_EQ(many.response.size(), list.size()) << "the rest is in the model's words";
  AnswerOptions options;
  options.to = 30;
  options.default_label = std::string(250, 'x');
  EXPECT_EQ(parse_answer("[[1, 2]]", options).events.at(0).label, std::string(200, 'x') + "…");
  options.default_label = std::string(200, 'x');
  EXPECT_EQ(parse_answer("[[1, 2]]", options).events.at(0).label, options.default_label);
}

}  // namespace
}  // namespace shijian::grounding
