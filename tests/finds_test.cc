// What the default model finds in the sample that is shipped, as samples/README.md has the truth;
// and the way from making a set of clips to its score. With other weights these fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "command.h"
#include "source_dir.h"

namespace shijian {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string sample() { return source_dir() / "samples/shapes.mp4"; }

json locate(const std::string& question, const std::string& video = sample(),
            const std::string& fps = "2") {
  const CommandResult result =
      run_shijian({"locate", video, question, "--fps", fps, "--format", "json"});
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
    EXPECT_NEAR(event["start"], 4.540, 0.1) << event;
    EXPECT_NEAR(event["end"], 6.586, 0.1) << event;
    EXPECT_THAT(answer["timestamp_range"], ElementsAre(event["start_text"], event["end_text"]));
    EXPECT_EQ(event["label"], question);
    EXPECT_GT(event["confidence"], 0.5);
    EXPECT_LE(event["start_uncertainty"], 0.1);
    EXPECT_GE(answer["sampling"]["plan"].size(), 2u) << "its boundaries were looked at again";
    EXPECT_THAT(answer["response"].get<std::string>(), HasSubstr("4.5"));
  }
}

// Two frames a second are what it knows best; half and twice as many show it the same.
TEST(Finds, AWordAtOtherRates) {
  for (const char* fps : {"1", "4"}) {
    const json answer = locate("When is the cyan word MENU on screen?", sample(), fps);
    ASSERT_EQ(answer["events"].size(), 1u) << answer;
    EXPECT_GE(overlap(answer["events"][0], 4.540, 6.586), 0.5) << answer["events"];
  }
}

// What is on screen from the first frame to the last is found as that, and not refused.
TEST(Finds, WhatIsThereAllTheTime) {
  const ScratchFolder folder;
  const CommandResult made =
      run_shijian({"synth", "--out", folder / "set", "--count", "6", "--seed", "5", "--seconds",
                   "12", "--split", "heldout", "--long", "100", "--kinds", "visible,text,digit"});
  ASSERT_EQ(made.status, 0) << made.err;
  std::istringstream lines(read_file(folder / "set/annotations.jsonl", 1 << 20));
  int asked = 0, found = 0;
  for (std::string line; std::getline(lines, line);) {
    const json question = json::parse(line);
    const double duration = question["duration"];
    if (question["spans"][0][0] > 0 || question["spans"][0][1] < duration) continue;
    ++asked;
    const json answer =
        locate(question["query"], folder / ("set/" + question["video"].get<std::string>()));
    if (answer["events"].size() != 1) continue;
    EXPECT_EQ(answer["events"][0]["start"], 0) << answer;
    found += overlap(answer["events"][0], 0, duration) > 0.95;
  }
  ASSERT_GE(asked, 4);
  EXPECT_GE(found, asked - 1) << "of " << asked;
}

// One look sees slots, and half a second lies between their frames; closer looks see more.
TEST(Finds, BoundariesMoreExactlyWithMoreEffort) {
  const auto event = [](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {
        "locate", sample(), "When is the cyan word MENU on screen?", "--format", "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const CommandResult result = run_shijian(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return json::parse(result.out);
  };
  const json low = event({"--effort", "low"});
  EXPECT_EQ(low["sampling"]["plan"].size(), 1u);
  EXPECT_EQ(low["sampling"]["plan"][0]["reason"], "whole");
  EXPECT_GT(low["events"][0]["start_uncertainty"], 0.3);
  EXPECT_LT(overlap(low["events"][0], 4.540, 6.586), 0.9);
  const json normal = event({});
  EXPECT_GT(overlap(normal["events"][0], 4.540, 6.586), 0.92) << normal;
  EXPECT_LT(normal["events"][0]["start_uncertainty"], 0.1);
  EXPECT_EQ(normal["response"], low["response"]) << "the words are those of the first look";
  const json roughly = event({"--precision", "0.3"});
  EXPECT_GT(overlap(roughly["events"][0], 4.540, 6.586), 0.85) << roughly;
  EXPECT_LT(roughly["usage"]["vision_tokens"], normal["usage"]["vision_tokens"]);
  EXPECT_GT(roughly["usage"]["vision_tokens"], low["usage"]["vision_tokens"]);
}

// Two minutes are more than the model sees at once.
TEST(Finds, EveryTimeInALongVideo) {
  const ScratchFolder folder;
  const int period = 30;
  const std::string once = folder / "once.mp4", video = folder / "long.mp4";
  run_tool({"ffmpeg", "-v", "error", "-i", sample(), "-vf", "tpad=stop=-1:color=gray", "-t",
            std::to_string(period), "-an", once});
  run_tool({"ffmpeg", "-v", "error", "-stream_loop", "3", "-i", once, "-c", "copy", video});
  const json answer = locate("When is the cyan word MENU on screen?", video);
  ASSERT_EQ(answer["events"].size(), 4u) << answer["events"];
  for (int i = 0; i < 4; ++i) {
    EXPECT_NEAR(answer["events"][i]["start"], 4.540 + i * period, 0.2) << answer["events"];
    EXPECT_NEAR(answer["events"][i]["end"], 6.586 + i * period, 0.2) << answer["events"];
  }
  EXPECT_THAT(answer["notes"].dump(), HasSubstr("windows"));
  EXPECT_EQ(answer["sampling"]["windows"], 4);
  // What a window showed is looked at again before it is believed.
  EXPECT_GE(answer["events"][0]["evidence"]["looks"], 2) << answer["events"];
  EXPECT_THAT(answer["sampling"]["plan"].dump(), HasSubstr("check"));
  const json absent = locate("When is the number 71 on screen?", video);
  EXPECT_THAT(absent["events"], IsEmpty());
  EXPECT_THAT(absent["response"].get<std::string>(), HasSubstr("does not occur"));
  // An ordinal counts through all of them.
  const json third = locate("When does the cyan word MENU appear for the third time?", video);
  ASSERT_EQ(third["events"].size(), 1u) << third["events"];
  EXPECT_NEAR(third["events"][0]["start"], 4.540 + 2 * period, 0.2);
  const json ninth = locate("When does the cyan word MENU appear for the ninth time?", video);
  EXPECT_THAT(ninth["events"], IsEmpty());
  EXPECT_THAT(ninth["notes"].dump(), HasSubstr("absent"));
}

TEST(Finds, TheSameWhereStillPartsAreSeenMoreRarely) {
  const json answer = locate("When is the cyan word MENU on screen?", sample(), "adaptive");
  ASSERT_EQ(answer["events"].size(), 1u) << answer;
  EXPECT_GE(overlap(answer["events"][0], 4.540, 6.586), 0.7) << answer["events"];
  EXPECT_THAT(answer["sampling"]["plan"].dump(), HasSubstr("busy"));
}

TEST(Plan, ShowsWhatWouldBeLookedAt) {
  const CommandResult adaptive = run_shijian({"plan", sample(), "--fps", "adaptive", "--json"});
  ASSERT_EQ(adaptive.status, 0) << adaptive.err;
  const json plan = json::parse(adaptive.out);
  EXPECT_EQ(plan["looks"].front()["from"], 0);
  EXPECT_EQ(plan["looks"].back()["to"], plan["duration"]);
  EXPECT_EQ(plan["slots"].get<int>() * 2, plan["frames"]);
  const CommandResult even = run_shijian({"plan", sample()});
  ASSERT_EQ(even.status, 0) << even.err;
  EXPECT_THAT(even.out, HasSubstr("whole"));
  const CommandResult wrong = run_shijian({"plan", sample(), "--fps", "often"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("'often'"));
}

TEST(Finds, AShapeAndACut) {
  const json heart = locate("Find the first time the white heart appears.");
  ASSERT_EQ(heart["events"].size(), 1u);
  EXPECT_GE(overlap(heart["events"][0], 3.220, 5.388), 0.5) << heart["events"];
  const json cut = locate("Find the moment when the scene cuts to a dark green checkerboard.");
  ASSERT_EQ(cut["events"].size(), 1u);
  EXPECT_GE(overlap(cut["events"][0], 9.288, 12.109), 0.5) << cut["events"];
}

TEST(Finds, SaysWhy) {
  const std::string question = "When is the cyan word MENU on screen?";
  const CommandResult text = run_shijian({"locate", sample(), question, "--why"});
  ASSERT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("why: 00:00:04."));
  // A checkpoint that may be asked what it sees gives its own words, whatever they are worth.
  const ScratchFolder folder;
  std::filesystem::copy(source_dir() / "models/nano", folder / "talker");
  json profile = json::parse(read_file(folder / "talker/shijian.json", 1 << 20));
  profile.erase("explains");
  write_file_atomic(folder / "talker/shijian.json", profile.dump());
  const CommandResult own = run_shijian(
      {"locate", sample(), question, "--why", "--format", "json", "--model", folder / "talker"});
  ASSERT_EQ(own.status, 0) << own.err;
  const json answer = json::parse(own.out);
  EXPECT_EQ(answer["reasoning_source"], "model") << answer["reasoning"];
  EXPECT_FALSE(answer["reasoning"].get<std::string>().empty());
  EXPECT_EQ(answer["events"].size(), 1u);
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
  EXPECT_THAT(as("srt"), HasSubstr("00:00:04,567 --> 00:00:06,600"));
  EXPECT_THAT(as("vtt"), HasSubstr("00:00:04.567 --> 00:00:06.600"));
  EXPECT_THAT(as("csv"), HasSubstr("4.567,6.600"));
  EXPECT_THAT(as("text"), HasSubstr("00:00:04.567 - 00:00:06.600"));
}

// A screen recording: frames where something changes, else none. What stays on screen is looked at
// for as long as it stays.
TEST(Finds, WhatStaysOnScreenInARecordingOfVariableRate) {
  const ScratchFolder folder;
  const std::string still = folder / "recording.mp4";
  // The sample's first 4 s, then one picture each from 4, 20 (with MENU), 40 and 59.967 s.
  run_tool({"ffmpeg", "-v", "error", "-i", sample(), "-vf",
            "select='lt(n,121)+eq(n,165)+eq(n,240)+eq(n,241)',"
            "setpts='if(lt(N,121),N/30,if(eq(N,121),20,if(eq(N,122),40,59.967)))/TB'",
            "-fps_mode", "passthrough", "-enc_time_base", "1/30000", "-an", still});
  const CommandResult result =
      run_shijian({"locate", still, "When is the cyan word MENU on screen?", "--effort", "low",
                   "--format", "json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json answer = json::parse(result.out);
  EXPECT_FALSE(answer["video"]["constant_rate"]);
  EXPECT_EQ(answer["video"]["frames"], 124);
  EXPECT_EQ(answer["sampling"]["frames"], 120) << "two a second, however few the pictures";
  const auto times = answer["sampling"]["times"].get<std::vector<double>>();
  EXPECT_EQ(std::count_if(times.begin(), times.end(),
                          [](double time) { return time >= 20 && time < 40; }),
            40);
  ASSERT_EQ(answer["events"].size(), 1u) << answer;
  EXPECT_NEAR(answer["events"][0]["start"], 20, 1) << answer["events"];
  EXPECT_NEAR(answer["events"][0]["end"], 40, 1) << answer["events"];
  // A picture that stays is encoded once.
  EXPECT_LT(answer["encoded_slots"], 20);
  EXPECT_EQ(answer["encoded_slots"].get<int>() + answer["reused"]["slots"].get<int>(), 60);
}

TEST(Finds, NothingOutsideTheWindow) {
  for (const std::vector<std::string>& window :
       {std::vector<std::string>{"--from", "7"}, {"--to", "3"}, {"--from", "4", "--to", "5"}}) {
    std::vector<std::string> arguments = {
        "locate", sample(), "Find the first time the white heart appears.", "--format", "json"};
    arguments.insert(arguments.end(), window.begin(), window.end());
    const CommandResult result = run_shijian(arguments);
    ASSERT_EQ(result.status, 0) << result.err;
    const json answer = json::parse(result.out);
    for (const json& event : answer["events"]) {
      EXPECT_GE(event["start"], answer["sampling"]["from"]) << answer;
      EXPECT_LE(event["end"], answer["sampling"]["to"]) << answer;
    }
  }
}

// Parts of a long file are answered as the same seconds in a file of their own.
TEST(Finds, InAWindowLateInAFileWhatItFindsInAFileOfItsOwn) {
  const ScratchFolder folder;
  const int count = 4, seconds = 24;
  const CommandResult made =
      run_shijian({"synth", "--out", folder / "set", "--count", std::to_string(count), "--seed",
                   "11", "--seconds", std::to_string(seconds), "--fps", "25", "--size", "320x240",
                   "--split", "heldout", "--questions", "2"});
  ASSERT_EQ(made.status, 0) << made.err;
  std::string list;
  for (int i = 0; i < count; ++i) {
    list += "file '" + (folder / "set/videos/0000") + std::to_string(i) + ".mp4'\n";
  }
  write_file_atomic(folder / "list.txt", list);
  const std::string whole = folder / "whole.mp4";
  run_tool({"ffmpeg", "-v", "error", "-f", "concat", "-safe", "0", "-i", folder / "list.txt", "-c",
            "copy", whole});

  std::istringstream lines(read_file(folder / "set/annotations.jsonl", 1 << 20));
  int right = 0, occurring = 0;
  for (std::string line; std::getline(lines, line);) {
    const json item = json::parse(line);
    const std::string name = item["video"], question = item["query"];
    const double from = seconds * (name[name.size() - 5] - '0');
    const auto ask = [&](std::vector<std::string> arguments) {
      arguments.insert(arguments.begin(), "locate");
      arguments.insert(arguments.end(),
                       {question, "--format", "json", "--cache-dir", folder / "cache"});
      const CommandResult result = run_shijian(arguments);
      EXPECT_EQ(result.status, 0) << result.err;
      return json::parse(result.out);
    };
    const json alone = ask({folder / ("set/" + name)});
    const json part =
        ask({whole, "--from", std::to_string(from), "--to", std::to_string(from + seconds)});
    EXPECT_EQ(part["response"], alone["response"]) << "the model's words, by the window's clock";
    ASSERT_EQ(part["events"].size(), alone["events"].size()) << question;
    for (size_t i = 0; i < part["events"].size(); ++i) {
      const json& there = part["events"][i];
      const json& here = alone["events"][i];
      EXPECT_NEAR(there["start"], here["start"].get<double>() + from, 0.002);
      EXPECT_NEAR(there["end"], here["end"].get<double>() + from, 0.002);
      EXPECT_EQ(there["confidence"], here["confidence"]);
      EXPECT_NEAR(there["start_uncertainty"], here["start_uncertainty"].get<double>(), 0.002);
    }
    EXPECT_EQ(part["sampling"]["clock"], from > 0 ? "window" : "file");
    EXPECT_EQ(part["sampling"]["clock_start"], from);
    EXPECT_EQ(part["notes"].dump().find("window_clock") != std::string::npos, from > 0);
    if (item["spans"].size() != 1 || part["events"].empty()) continue;
    ++occurring;
    const json& span = item["spans"][0];
    right += overlap(part["events"][0], span[0].get<double>() + from,
                     span[1].get<double>() + from) >= 0.5;
  }
  EXPECT_GE(occurring, 2);
  EXPECT_GE(right, occurring / 2);
}

// A rate that the model's number of frames does not allow is no secret, nor is the way to have it.
TEST(Finds, SaysWhatALongVideoCosts) {
  const ScratchFolder folder;
  const std::string clip = folder / "long.mp4";
  run_tool({"ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=c=gray:s=64x64:r=10:d=600",
            "-pix_fmt", "yuv420p", "-preset", "ultrafast", clip});
  const auto notes = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"locate", clip, "When is the red circle visible?",
                                          "--format", "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const CommandResult result = run_shijian(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return json::parse(result.out)["notes"].dump();
  };
  const std::string said =
      "256 frames were seen, the most that are taken: 0.427 a second instead of 2";
  EXPECT_THAT(notes({"--effort", "low"}), HasSubstr(said));
  EXPECT_THAT(notes({"--effort", "low", "--fps", "2"}), HasSubstr(said));
  EXPECT_THAT(notes({"--max-frames", "256", "--fps", "2"}),
              HasSubstr("ask about at most 128 s at a time"));
  EXPECT_THAT(notes({"--max-frames", "256", "--fps", "2"}),
              testing::Not(HasSubstr("leave the rate")));
  EXPECT_THAT(notes({"--effort", "low", "--from", "300", "--to", "428"}),
              testing::Not(HasSubstr("frame_limit")));
  EXPECT_THAT(notes({"--fps", "0.25"}), HasSubstr("sampling_rate"));
  // As a rule all of it is looked at, part after part.
  const std::string all = notes({});
  EXPECT_THAT(all, HasSubstr("windows"));
  EXPECT_THAT(all, testing::Not(HasSubstr("frame_limit")));
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
