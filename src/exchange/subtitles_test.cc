#include "exchange/subtitles.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "grounding/test_answer.h"

namespace shijian::exchange {
namespace {

TEST(Subtitles, SubRip) {
  grounding::Answer answer = grounding::sample_answer();
  answer.events[0].label = "a --> b <i>x</i>\nnext";
  // The moment at 29.96 would leave the clip: its cue ends with it.
  EXPECT_EQ(format_srt({&answer, 1}),
            "1\n00:00:01,235 --> 00:00:03,100\na → b ‹i›x‹/i› next\n\n"
            "2\n00:00:29,900 --> 00:00:30,000\njump again\n\n");
}

TEST(Subtitles, WebVtt) {
  grounding::Answer answer = grounding::sample_answer();
  answer.events[0].label = "a --> b & <c>";
  answer.events[1].label = "";
  EXPECT_EQ(format_vtt({&answer, 1}),
            "WEBVTT\n\n00:00:01.235 --> 00:00:03.100\na --&gt; b &amp; &lt;c&gt;\n\n"
            "00:00:29.900 --> 00:00:30.000\n-\n\n");
  grounding::Answer none = grounding::sample_answer();
  none.events.clear();
  EXPECT_EQ(format_vtt({&none, 1}), "WEBVTT\n\n");
}

TEST(Csv, QuotesAndStopsFormulas) {
  grounding::Answer answer = grounding::sample_answer();
  answer.question = "say \"hi\", twice";
  answer.events[0].label = "=HYPERLINK(\"http://x\")";
  answer.events[1].label = "-1+2";
  EXPECT_EQ(format_csv({&answer, 1}, TimeFormat::kSeconds),
            "video,question,start,end,start_text,end_text,label,confidence\r\n"
            "clip.mp4,\"say \"\"hi\"\", twice\",1.235,3.100,1.235,3.100,"
            "\"'=HYPERLINK(\"\"http://x\"\")\",0.877\r\n"
            "clip.mp4,\"say \"\"hi\"\", twice\",29.960,29.960,29.960,29.960,'-1+2,\r\n");
}

TEST(Csv, HasARowForWhatWasNotFound) {
  grounding::Answer found = grounding::sample_answer(), absent = grounding::sample_answer();
  found.events.resize(1);
  absent.question = "never";
  absent.events.clear();
  const grounding::Answer both[] = {absent, found};
  const std::string csv = format_csv(both, TimeFormat::kHoursMillis);
  const std::string header = "video,question,start,end,start_text,end_text,label,confidence\r\n";
  EXPECT_TRUE(csv.starts_with(header + "clip.mp4,never,,,,,,\r\nclip.mp4,")) << csv;
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3);
}

TEST(Subtitles, SubtitlesOfSeveralQuestionsAreInOrderOfTime) {
  grounding::Answer late = grounding::sample_answer(), early = grounding::sample_answer();
  late.events.resize(1);
  late.events[0].start = 10;
  late.events[0].end = 11;
  late.events[0].label = "late";
  early.events.resize(1);
  early.events[0].label = "early";
  const grounding::Answer both[] = {late, early};
  const std::string srt = format_srt(both);
  EXPECT_LT(srt.find("early"), srt.find("late"));
}

}  // namespace
}  // namespace shijian::exchange
