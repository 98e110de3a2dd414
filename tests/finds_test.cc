// What the default model finds in the sample that is shipped, as samples/README.md has the truth;
// and the way from making a set of clips to its score. With other weights these fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "command.h"

namespace shijian {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string sample() { return SHIJIAN_SOURCE_DIR "/samples/shapes.mp4"; }

json locate(const std::string& question) {
  const CommandResult result = run_shijian({"locate", sample(), question, "--format", "json"});
  EXPECT_EQ(result.status, 0) << result.err;
  return json::parse(result.out);
}

double overlap(const json& event, double start, double end) {
  const double a = event["start"], b = event["end"];
  const double common = std::min(b, end) - std::max(a, start);
  return std::max(common, 0.0) / (std::max(b, end) - std::min(a, start));
}

TEST(Finds, AWordAndSaysWhen) {
  for (const char* question :
       {"When is the cyan word MENU on screen?", "青色的单词MENU什么时候在屏幕上？"}) {
    const json answer = locate(question);
    ASSERT_EQ(answer["events"].size(), 1u) << answer;
    const json& event = answer["events"][0];
    EXPECT_GE(overlap(event, 4.540, 6.586), 0.7) << event;
    EXPECT_THAT(answer["timestamp_range"], ElementsAre(event["start_text"], event["end_text"]));
    EXPECT_EQ(event["label"], question);
    EXPECT_GT(event["confidence"], 0.5);
    EXPECT_GE(event["start_uncertainty"], 0.1) << "half a second lies between slots";
    EXPECT_THAT(answer["response"].get<std::string>(), HasSubstr("4.5"));
  }
}

TEST(Finds, AShapeAndACut) {
  const json heart = locate("Find the first time the white heart appears.");
  ASSERT_EQ(heart["events"].size(), 1u);
  EXPECT_GE(overlap(heart["events"][0], 3.220, 5.388), 0.5) << heart["events"];
  const json cut = locate("Find the moment when the scene cuts to a dark green checkerboard.");
  ASSERT_EQ(cut["events"].size(), 1u);
  EXPECT_GE(overlap(cut["events"][0], 9.288, 12.109), 0.5) << cut["events"];
}

TEST(Finds, NothingWhereThereIsNothing) {
  const json answer = locate("When is the number 71 on screen?");
  EXPECT_THAT(answer["events"], IsEmpty());
  EXPECT_FALSE(answer.contains("timestamp_range"));
  EXPECT_THAT(answer["response"].get<std::string>(), HasSubstr("does not occur"));
}

TEST(Finds, TheSameInEveryFormat) {
  const auto as = [](const char* format) {
    return run_shijian(
               {"locate", sample(), "When is the cyan word MENU on screen?", "--format", format})
        .out;
  };
  EXPECT_THAT(as("srt"), HasSubstr("00:00:04,500 --> 00:00:06,600"));
  EXPECT_THAT(as("vtt"), HasSubstr("00:00:04.500 --> 00:00:06.600"));
  EXPECT_THAT(as("csv"), HasSubstr("4.500,6.600"));
  EXPECT_THAT(as("text"), HasSubstr("00:00:04.500 - 00:00:06.600"));
}

TEST(Finds, ASetIsMadeAndScored) {
  const ScratchFolder folder;
  const CommandResult made = run_shijian({"synth", "--out", folder / "set", "--count", "3",
                                          "--seed", "7", "--seconds", "10", "--split", "heldout"});
  ASSERT_EQ(made.status, 0) << made.err;
  const std::vector<std::string> score = {"eval",         "--dataset", "synth",
                                          folder / "set", "--json",    folder / "r.json"};
  const CommandResult scored = run_shijian(score);
  ASSERT_EQ(scored.status, 0) << scored.err;
  const json report = json::parse(read_file(folder / "r.json", 1 << 20));
  for (const char* key : {"r1@0.3", "r1@0.5", "r1@0.7", "miou", "unparsed"}) {
    EXPECT_TRUE(report["overall"][key].is_number()) << key;
  }
  EXPECT_GT(report["overall"]["r1@0.5"], 0.3) << "of some eight questions; the bar is for 1000";
  // A second run goes on from what is there: nothing.
  EXPECT_EQ(run_shijian(score).status, 0);
  EXPECT_EQ(json::parse(read_file(folder / "r.json", 1 << 20))["overall"]["r1@0.5"],
            report["overall"]["r1@0.5"]);
}

TEST(Finds, BenchMeasures) {
  const CommandResult result = run_shijian({"bench", "--prompt", "64", "--answer", "2", "--slots",
                                            "1", "--side", "64", "--repeat", "1", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json figures = json::parse(result.out);
  for (const char* key : {"vision_tokens_per_second", "prefill_tokens_per_second",
                          "decode_tokens_per_second", "first_answer_seconds"}) {
    EXPECT_GT(figures[key], 0) << key;
  }
}

}  // namespace
}  // namespace shijian
