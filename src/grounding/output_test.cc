#include "grounding/output.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"
#include "grounding/test_answer.h"

namespace shijian::grounding {
namespace {

TEST(AnswerJson, KeysAndTheirOrder) {
  Answer answer = sample_answer();
  answer.reasoning = "I saw it.";
  answer.reasoning_source = "model";
  answer.notes = {{NoteCode::kMerged, 2}};
  const OrderedJson json = answer_json(answer, TimeFormat::kHoursMillis);
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  EXPECT_EQ(keys,
            (std::vector<std::string>{"response", "events", "timestamp_range", "reasoning",
                                      "reasoning_source", "model", "video", "sampling", "usage",
                                      "reused", "encoded_slots", "timing", "notes", "question"}));
  EXPECT_EQ(json["events"][0].dump(),
            R"({"start":1.235,"end":3.1,"start_text":"00:00:01.235","end_text":"00:00:03.100",)"
            R"("label":"jump","confidence":0.877})");
  EXPECT_TRUE(json["events"][1]["confidence"].is_null());
  EXPECT_EQ(json["timestamp_range"], (OrderedJson{"00:00:01.235", "00:00:29.960"}));
  EXPECT_EQ(json["notes"][0]["code"], "merged");
  EXPECT_EQ(json["notes"][0]["text"], "merged duplicate or overlapping events: 2");
}

TEST(AnswerJson, NothingFound) {
  Answer answer = sample_answer();
  answer.events.clear();
  const OrderedJson json = answer_json(answer, TimeFormat::kSeconds);
  EXPECT_TRUE(json["events"].is_array() && json["events"].empty());
  EXPECT_FALSE(json.contains("timestamp_range"));
  EXPECT_FALSE(json.contains("reasoning"));
  EXPECT_FALSE(json.contains("reasoning_source"));
}

TEST(AnswerJson, TimeFormatsAndOneOrSeveralAnswers) {
  const Answer answer = sample_answer();
  EXPECT_EQ(answer_json(answer, TimeFormat::kFrames)["events"][0]["end_text"], "78");
  EXPECT_EQ(answer_json(answer, TimeFormat::kMinutesCentis)["timestamp_range"],
            (OrderedJson{"00:01.23", "00:29.96"}));
  EXPECT_TRUE(Json::parse(format_json({&answer, 1}, TimeFormat::kHoursMillis)).is_object());
  const Answer two[] = {answer, answer};
  EXPECT_EQ(Json::parse(format_json(two, TimeFormat::kHoursMillis)).size(), 2u);
}

TEST(AnswerJson, SurvivesIllFormedText) {
  Answer answer = sample_answer();
  answer.response = "bad \xFF byte";
  answer.events[0].label = "\xE7\xA7";
  answer.events[0].confidence = NAN;
  answer.tokens.push_back({7, "\xE7", -0.5, {{"\xE7", -0.5}}});
  EXPECT_NO_THROW(answer_json(answer, TimeFormat::kSeconds).dump());
}

TEST(ReadAnswer, FillsAnAnswerFromGeneratedText) {
  Answer answer;
  answer.question = "狗什么时候跳？";
  answer.language = Language::kChinese;
  answer.video.duration = 30;
  read_answer(answer, "想一想</think>[[2.5, 4.0]]", true, {});
  ASSERT_EQ(answer.events.size(), 1u);
  EXPECT_EQ(answer.events[0].label, answer.question);
  EXPECT_FALSE(answer.events[0].confidence);
  EXPECT_EQ(answer.response, "[[2.5, 4.0]]");
  EXPECT_EQ(answer.reasoning, "想一想");
  EXPECT_EQ(answer.reasoning_source, "model");
}

TEST(ReadAnswer, SaysInWordsThatNothingOccurs) {
  Answer answer;
  answer.video.duration = 30;
  for (const char* generated :
       {"[]", "```json\n[]\n```", "{\"start\": null, \"end\": null}", "null"}) {
    read_answer(answer, generated, false, {});
    EXPECT_TRUE(answer.absent);
    EXPECT_EQ(answer.response, "It does not occur in the video.") << generated;
  }
  EXPECT_EQ(format_text({&answer, 1}, TimeFormat::kHoursMillis),
            "It does not occur in the video.\n");
  answer.language = Language::kChinese;
  read_answer(answer, "[]", false, {});
  EXPECT_EQ(answer.response, "视频中没有出现。");
  read_answer(answer, "没有这样的镜头。[]", false, {});
  EXPECT_EQ(answer.response, "没有这样的镜头。[]");
}

TEST(FormatAnswers, Text) {
  const Answer answer = sample_answer();
  EXPECT_EQ(format_text({&answer, 1}, TimeFormat::kHoursMillis),
            "It jumps twice.\n"
            "00:00:01.235 - 00:00:03.100  confidence 88%  jump\n"
            "00:00:29.960 - 00:00:29.960  jump again\n");
  Answer absent = sample_answer();
  absent.events.clear();
  absent.language = Language::kChinese;
  absent.response = "没有出现。";
  absent.notes = {{NoteCode::kAbsent, 1}, {NoteCode::kOutsideClip, 2}};
  EXPECT_EQ(format_text({&absent, 1}, TimeFormat::kHoursMillis),
            "没有出现。\n注：已舍去所看范围之外的事件：2 个\n");
}

// To be read from what a model wrote of from..to, by a clock that begins there.
Answer answer_in_window(double duration, double from, double to) {
  Answer answer;
  answer.question = "when?";
  answer.video.duration = duration;
  answer.sampling.from = from;
  answer.sampling.to = to;
  answer.sampling.clock = "window";
  answer.sampling.clock_start = from;
  return answer;
}

// The model counts from the start of the part that it saw; events have the file's times.
TEST(ReadAnswer, BringsTheWindowsClockToTheFiles) {
  Answer answer = answer_in_window(240, 24, 48);
  answer.sampling.slot_times = {24.25, 25.25, 26.25};
  read_answer(answer, "[[4.5, 6.5], [20, 30], [30, 40]]", false, {});
  ASSERT_EQ(answer.events.size(), 2u);
  EXPECT_EQ(answer.events[0].start, 28.5);
  EXPECT_EQ(answer.events[0].end, 30.5);
  EXPECT_EQ(answer.events[1].start, 44);
  EXPECT_EQ(answer.events[1].end, 48);
  ASSERT_EQ(answer.notes.size(), 2u) << "one cut, one outside";
  EXPECT_EQ(answer.response, "[[4.5, 6.5], [20, 30], [30, 40]]") << "the model's own words";
  const OrderedJson json = answer_json(answer, TimeFormat::kSeconds);
  EXPECT_EQ(json["sampling"]["clock"], "window");
  EXPECT_EQ(json["sampling"]["clock_start"], 24);
}

// A model that writes stamps: what it names are slots, and an event takes their time.
TEST(ReadAnswer, StampsOfSlotsStandForTheirTime) {
  const auto read = [](const char* generated, bool stamps) {
    Answer answer = sample_answer();
    answer.sampling.slot_times = {10.5, 12.5, 14.46, 16.5, 18.5};
    answer.sampling.from = 10;
    answer.sampling.to = 19.9;
    answer.sampling.slot_stamps = stamps;
    read_answer(answer, generated, false, {});
    std::vector<std::pair<double, double>> times;
    for (const Event& event : answer.events) {
      times.emplace_back(std::round(event.start * 1000) / 1000,
                         std::round(event.end * 1000) / 1000);
    }
    return times;
  };
  using Times = std::vector<std::pair<double, double>>;
  EXPECT_EQ(read("From 12.5 to 16.5 seconds.", false), (Times{{12.5, 16.5}}));
  EXPECT_EQ(read("From 12.5 to 16.5 seconds.", true), (Times{{12, 17}})) << "a quarter of each gap";
  EXPECT_EQ(read("From 14.5 to 14.5 seconds.", true), (Times{{13.48, 15.48}})) << "all of one slot";
  EXPECT_EQ(read("From 10.5 to 18.5 seconds.", true), (Times{{10, 19.9}})) << "the whole window";
  EXPECT_EQ(read("From 10.5 to 10.5 seconds.", true), (Times{{10, 11.5}}));
  EXPECT_EQ(read("[[12.5, 14.5], [16.5, 16.5]]", true), (Times{{12, 14.97}, {15.48, 17.5}}));
  EXPECT_EQ(read("From 12.5 to 17.0 seconds.", true), (Times{{12.5, 17}})) << "17.0 is no stamp";
}

// Three times slower than the file: a second of the prompt's clock is a third of one.
TEST(ReadAnswer, SlowMotionIsBroughtToTheFilesTime) {
  Answer answer = answer_in_window(60, 10, 14);
  answer.sampling.clock_rate = 3;
  answer.sampling.slot_times = {10.25, 11.25, 12.25, 13.25};  // stamps 0.75, 3.75, 6.75, 9.75
  Answer stamps = answer;
  read_answer(answer, "[[3, 6], [9, 30]]", false, {});
  ASSERT_EQ(answer.events.size(), 2u);
  EXPECT_EQ(answer.events[0].start, 11);
  EXPECT_EQ(answer.events[0].end, 12);
  EXPECT_EQ(answer.events[1].end, 14) << "the window's end";
  stamps.sampling.slot_stamps = true;
  read_answer(stamps, "From 3.8 to 6.8 seconds.", false, {});
  ASSERT_EQ(stamps.events.size(), 1u);
  EXPECT_EQ(stamps.events[0].start, 11);
  EXPECT_EQ(stamps.events[0].end, 12.5);
}

TEST(AnswerJson, ListsAllLooks) {
  Answer answer = sample_answer();
  answer.sampling.plan = {{0, 30, 2, "whole"}, {3.5, 6.5, 10.667, "start"}};
  const OrderedJson plan = answer_json(answer, TimeFormat::kSeconds)["sampling"]["plan"];
  EXPECT_EQ(plan.size(), 2u);
  EXPECT_EQ(plan[1].dump(), R"({"from":3.5,"to":6.5,"fps":10.667,"reason":"start"})");
}

}  // namespace
}  // namespace shijian::grounding
