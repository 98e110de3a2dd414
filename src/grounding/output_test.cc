#include "grounding/output.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"

namespace shijian {
namespace {

Answer sample() {
  Answer answer;
  answer.question = "When does the dog jump?";
  answer.response = "It jumps twice.";
  answer.model = "nano";
  answer.video.path = "clip.mp4";
  answer.video.duration = 30;
  answer.video.frame_rate = 25;
  Event first;
  first.start = 1.2345678;
  first.end = 3.1;
  first.label = "jump";
  first.confidence = 0.87654;
  Event second;
  second.start = second.end = 29.96;
  second.label = "jump again";
  answer.events = {first, second};
  return answer;
}

TEST(AnswerJson, KeysAndTheirOrder) {
  Answer answer = sample();
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
  Answer answer = sample();
  answer.events.clear();
  const OrderedJson json = answer_json(answer, TimeFormat::kSeconds);
  EXPECT_TRUE(json["events"].is_array() && json["events"].empty());
  EXPECT_FALSE(json.contains("timestamp_range"));
  EXPECT_FALSE(json.contains("reasoning"));
  EXPECT_FALSE(json.contains("reasoning_source"));
}

TEST(AnswerJson, TimeFormatsAndOneOrSeveralAnswers) {
  const Answer answer = sample();
  EXPECT_EQ(answer_json(answer, TimeFormat::kFrames)["events"][0]["end_text"], "78");
  EXPECT_EQ(answer_json(answer, TimeFormat::kMinutesCentis)["timestamp_range"],
            (OrderedJson{"00:01.23", "00:29.96"}));
  OutputOptions options;
  options.format = OutputFormat::kJson;
  EXPECT_TRUE(Json::parse(format_answers({&answer, 1}, options)).is_object());
  const Answer two[] = {answer, answer};
  EXPECT_EQ(Json::parse(format_answers(two, options)).size(), 2u);
}

TEST(AnswerJson, SurvivesIllFormedText) {
  Answer answer = sample();
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
  EXPECT_EQ(format_answers({&answer, 1}, {}), "It does not occur in the video.\n");
  answer.language = Language::kChinese;
  read_answer(answer, "[]", false, {});
  EXPECT_EQ(answer.response, "视频中没有出现。");
  read_answer(answer, "没有这样的镜头。[]", false, {});
  EXPECT_EQ(answer.response, "没有这样的镜头。[]");
}

TEST(FormatAnswers, Text) {
  const Answer answer = sample();
  EXPECT_EQ(format_answers({&answer, 1}, {}),
            "It jumps twice.\n"
            "00:00:01.235 - 00:00:03.100  confidence 88%  jump\n"
            "00:00:29.960 - 00:00:29.960  jump again\n");
  Answer absent = sample();
  absent.events.clear();
  absent.language = Language::kChinese;
  absent.response = "没有出现。";
  absent.notes = {{NoteCode::kAbsent, 1}, {NoteCode::kOutsideClip, 2}};
  EXPECT_EQ(format_answers({&absent, 1}, {}), "没有出现。\n注：已舍去视频范围之外的事件：2 个\n");
}

TEST(FormatAnswers, SubRip) {
  Answer answer = sample();
  answer.events[0].label = "a --> b <i>x</i>\nnext";
  OutputOptions options;
  options.format = OutputFormat::kSrt;
  // The moment at 29.96 would leave the clip: its cue ends with it.
  EXPECT_EQ(format_answers({&answer, 1}, options),
            "1\n00:00:01,235 --> 00:00:03,100\na → b ‹i›x‹/i› next\n\n"
            "2\n00:00:29,900 --> 00:00:30,000\njump again\n\n");
}

TEST(FormatAnswers, WebVtt) {
  Answer answer = sample();
  answer.events[0].label = "a --> b & <c>";
  answer.events[1].label = "";
  OutputOptions options;
  options.format = OutputFormat::kVtt;
  EXPECT_EQ(format_answers({&answer, 1}, options),
            "WEBVTT\n\n00:00:01.235 --> 00:00:03.100\na --&gt; b &amp; &lt;c&gt;\n\n"
            "00:00:29.900 --> 00:00:30.000\n-\n\n");
  Answer none = sample();
  none.events.clear();
  EXPECT_EQ(format_answers({&none, 1}, options), "WEBVTT\n\n");
}

TEST(FormatAnswers, CsvQuotesAndStopsFormulas) {
  Answer answer = sample();
  answer.question = "say \"hi\", twice";
  answer.events[0].label = "=HYPERLINK(\"http://x\")";
  answer.events[1].label = "-1+2";
  OutputOptions options;
  options.format = OutputFormat::kCsv;
  options.time_format = TimeFormat::kSeconds;
  EXPECT_EQ(format_answers({&answer, 1}, options),
            "video,question,start,end,start_text,end_text,label,confidence\r\n"
            "clip.mp4,\"say \"\"hi\"\", twice\",1.235,3.100,1.235,3.100,"
            "\"'=HYPERLINK(\"\"http://x\"\")\",0.877\r\n"
            "clip.mp4,\"say \"\"hi\"\", twice\",29.960,29.960,29.960,29.960,'-1+2,\r\n");
}

TEST(FormatAnswers, CsvHasARowForWhatWasNotFound) {
  Answer found = sample(), absent = sample();
  found.events.resize(1);
  absent.question = "never";
  absent.events.clear();
  const Answer both[] = {absent, found};
  OutputOptions options;
  options.format = OutputFormat::kCsv;
  const std::string csv = format_answers(both, options);
  const std::string header = "video,question,start,end,start_text,end_text,label,confidence\r\n";
  EXPECT_TRUE(csv.starts_with(header + "clip.mp4,never,,,,,,\r\nclip.mp4,")) << csv;
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3);
}

TEST(FormatAnswers, SubtitlesOfSeveralQuestionsAreInOrderOfTime) {
  Answer late = sample(), early = sample();
  late.events.resize(1);
  late.events[0].start = 10;
  late.events[0].end = 11;
  late.events[0].label = "late";
  early.events.resize(1);
  early.events[0].label = "early";
  const Answer both[] = {late, early};
  OutputOptions options;
  options.format = OutputFormat::kSrt;
  const std::string srt = format_answers(both, options);
  EXPECT_LT(srt.find("early"), srt.find("late"));
}

}  // namespace
}  // namespace shijian
