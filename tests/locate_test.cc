// The whole way through the program, from files and a question to the answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "command.h"

namespace shijian {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

class Locate : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new ScratchFolder;
    make_clip(*folder_ / "clip.mp4");
  }
  static void TearDownTestSuite() { delete folder_; }
  static std::string clip() { return *folder_ / "clip.mp4"; }

  static json locate(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"locate", clip()});
    arguments.insert(arguments.end(), {"--format", "json"});
    const CommandResult result = run_shijian(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return json::parse(result.out);
  }

  static const ScratchFolder* folder_;
};
const ScratchFolder* Locate::folder_ = nullptr;

TEST_F(Locate, JsonHasTheDocumentedFields) {
  const json answer = locate({"When is the red circle visible?"});
  for (const char* key : {"response", "events", "model", "video", "sampling", "usage", "timing"}) {
    EXPECT_TRUE(answer.contains(key)) << key;
  }
  EXPECT_EQ(answer["model"], "nano");
  EXPECT_EQ(answer["video"]["duration"], 6.0);
  EXPECT_GT(answer["usage"]["vision_tokens"], 0);
  EXPECT_GT(answer["usage"]["prompt_tokens"], answer["usage"]["vision_tokens"]);
  for (const json& event : answer["events"]) {
    EXPECT_LE(0, event["start"]);
    EXPECT_LE(event["start"], event["end"]);
    EXPECT_LE(event["end"], 6.0);
  }
}

TEST_F(Locate, QuestionsMayBeSavedByAnyEditor) {
  const std::string file = *folder_ / "questions.txt";
  const auto save = [&](std::string_view bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
    std::vector<std::string> asked;
    for (const json& answer : locate({"--questions", file})) asked.push_back(answer["question"]);
    return asked;
  };
  const std::vector<std::string> both{"When is it red?", "When?"};
  EXPECT_EQ(save("\xEF\xBB\xBFWhen is it red?\r\n\r\n \t\r\nWhen?\r\n"), both);
  std::string utf16 = "\xFF\xFE";
  for (const char c : std::string("When is it red?\r\nWhen?")) utf16 += {c, '\0'};
  EXPECT_EQ(save(utf16), both);
  std::ofstream(file, std::ios::binary) << "\xCA\xB2\xC3\xB4\xCA\xB1\xBA\xF2";  // GBK
  const CommandResult refused = run_shijian({"locate", clip(), "--questions", file});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("line 1 is not text in UTF-8"));
}

TEST_F(Locate, SeveralQuestionsAnswerAsOneByOne) {
  const json together =
      locate({"When is the red circle visible?", "-q", "蓝色的方块什么时候出现？"});
  ASSERT_EQ(together.size(), 2u);
  const json first = locate({"When is the red circle visible?"});
  const json second = locate({"蓝色的方块什么时候出现？"});
  EXPECT_EQ(together[0]["response"], first["response"]);
  EXPECT_EQ(together[1]["response"], second["response"]);
  EXPECT_EQ(together[1]["events"], second["events"]);
}

TEST_F(Locate, TheAnswerDoesNotDependOnThreads) {
  const json one = locate({"When is the red circle visible?", "--threads", "1", "--logprobs", "3"});
  const json two = locate({"When is the red circle visible?", "--threads", "2", "--logprobs", "3"});
  EXPECT_EQ(one["tokens"], two["tokens"]);
}

TEST_F(Locate, SaysWhenItSawFewerFramesThanTheModelKnows) {
  const auto notes = [](std::vector<std::string> arguments) {
    const json answer = locate(std::move(arguments));
    std::string codes;
    for (const json& note : answer["notes"]) codes += note["code"].get<std::string>() + " ";
    return codes;
  };
  const std::string question = "When is the red circle visible?";
  EXPECT_THAT(notes({question, "--fps", "1"}), HasSubstr("sampling_rate"));
  EXPECT_THAT(notes({question, "--frames", "6"}), HasSubstr("sampling_rate"));
  for (const std::vector<std::string>& fitting : {std::vector<std::string>{question},
                                                  {question, "--fps", "2"},
                                                  {question, "--frames", "12"}}) {
    EXPECT_THAT(notes(fitting), testing::Not(HasSubstr("sampling_rate")));
  }
}

// As a recording that broke off, or a download that is not complete.
TEST_F(Locate, SaysThatAVideoIsDamaged) {
  const ScratchFolder scratch;
  const std::string whole = scratch / "whole.mkv", torn = scratch / "torn.mkv";
  run_tool({"ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=20",
            "-pix_fmt", "yuv420p", whole});
  fs::copy(whole, torn);
  fs::resize_file(torn, fs::file_size(whole) * 6 / 10);
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--cache-dir", scratch / "cache"});
    const CommandResult result = run_shijian(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result;
  };
  const std::string question = "When is the red circle visible?";
  EXPECT_THAT(run({"locate", whole, question, "--format", "json"}).out,
              testing::Not(HasSubstr("\"damaged\"")));
  for (const char* time : {"first", "from the cache"}) {
    EXPECT_THAT(run({"locate", torn, question, "--format", "json"}).out,
                HasSubstr("\"code\": \"damaged\""))
        << time;
  }
  EXPECT_THAT(run({"locate", torn, question}).out, HasSubstr("note: the video file is damaged"));
  EXPECT_THAT(run({"locate", torn, "红色圆形什么时候可见？"}).out, HasSubstr("注：视频文件已损坏"));
  EXPECT_THAT(run({"locate", torn, question, "--format", "csv"}).err,
              HasSubstr("shijian: the video file is damaged"));
  const std::vector<std::string> describe = {"describe",         torn, "-p", "What is shown?",
                                             "--max-new-tokens", "4"};
  EXPECT_THAT(run(describe).err, HasSubstr("shijian: the video file is damaged"));
  std::vector<std::string> as_json = describe;
  as_json.insert(as_json.end(), {"--format", "json"});
  EXPECT_THAT(run(as_json).out, HasSubstr("\"code\": \"damaged\""));
}

TEST_F(Locate, AWindowKeepsTimesOnTheTimeline) {
  const json answer = locate({"When is the red circle visible?", "--from", "2", "--to", "4"});
  EXPECT_EQ(answer["sampling"]["from"], 2.0);
  EXPECT_EQ(answer["sampling"]["to"], 4.0);
  EXPECT_EQ(answer["sampling"]["clock"], "window") << "the default model's";
  EXPECT_EQ(answer["sampling"]["clock_start"], 2.0);
  const auto times = answer["sampling"]["times"].get<std::vector<double>>();
  ASSERT_EQ(times.size(), answer["sampling"]["frames"]);
  EXPECT_EQ(times.front(), 2.0);
  EXPECT_EQ(times.back(), 3.96);
}

TEST_F(Locate, SaysThatTheClipEndsBeforeTheWindow) {
  const std::string question = "When is the red circle visible?";
  const json late = locate({question, "--from", "4", "--to", "100"});
  EXPECT_EQ(late["sampling"]["to"], 6.0);
  EXPECT_THAT(late["notes"].dump(), HasSubstr("window_cut"));
  EXPECT_THAT(late["notes"].dump(), HasSubstr("ends at 6.000 s"));
  EXPECT_THAT(locate({question, "--to", "6.04"})["notes"].dump(),
              testing::Not(HasSubstr("window_cut")));
}

TEST_F(Locate, OtherFormats) {
  const std::string question = "When is the red circle visible?";
  EXPECT_THAT(run_shijian({"locate", clip(), question, "--format", "vtt"}).out,
              StartsWith("WEBVTT"));
  EXPECT_THAT(run_shijian({"locate", clip(), question, "--format", "csv"}).out, HasSubstr("start"));
  EXPECT_EQ(run_shijian({"locate", clip(), question, "--format", "srt"}).status, 0);
  EXPECT_NE(run_shijian({"locate", clip(), question}).out, "");
}

TEST_F(Locate, PictureIsAPng) {
  const std::string picture = *folder_ / "answer.png";
  ASSERT_EQ(run_shijian({"locate", clip(), "红色圆形什么时候可见？", "--picture", picture}).status,
            0);
  std::ifstream in(picture, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(bytes, StartsWith("\x89PNG\r\n\x1a\n"));
  EXPECT_GT(bytes.size(), 10'000u);
}

TEST_F(Locate, DumpHoldsTheStages) {
  const std::string dump = *folder_ / "stages.safetensors";
  ASSERT_EQ(run_shijian({"locate", clip(), "x", "--dump", dump, "--max-new-tokens", "4"}).status,
            0);
  std::ifstream in(dump, std::ios::binary);
  uint64_t length = 0;
  in.read(reinterpret_cast<char*>(&length), sizeof length);
  ASSERT_LT(length, 100'000u);
  std::string header(length, '\0');
  in.read(header.data(), static_cast<std::streamsize>(length));
  const json stages = json::parse(header);
  for (const char* stage :
       {"frames.0", "frame_indices.0", "frame_times.0", "pixel_values.0", "vision.embeddings",
        "position_ids", "rope.cos", "hidden.0", "logits", "prompt_tokens", "tokens"}) {
    EXPECT_TRUE(stages.contains(stage)) << stage;
  }
}

TEST_F(Locate, DescribeAnswersAndInfoTells) {
  EXPECT_EQ(run_shijian({"describe", clip(), "-p", "What is shown?", "--max-new-tokens", "8",
                         "--temperature", "0"})
                .status,
            0);
  const json video = json::parse(run_shijian({"info", clip(), "--json"}).out);
  EXPECT_EQ(video["frames"], 150);
  EXPECT_EQ(video["frame_rate"], 25.0);
  EXPECT_EQ(video["duration"], 6.0);
  const json machine = json::parse(run_shijian({"info", "--json"}).out);
  EXPECT_GE(machine["cores"], 1);
  const json model = json::parse(run_shijian({"info", machine["model"], "--json"}).out);
  EXPECT_EQ(model["model_type"], "qwen3_vl");
}

TEST_F(Locate, InfoNamesItsFactsInChinese) {
  const std::string model = json::parse(run_shijian({"info", "--json"}).out)["model"];
  CommandOptions chinese;
  chinese.environment = {"SHIJIAN_LANG=zh"};
  const std::string out =
      run_shijian({"info", clip(), model}, chinese).out + run_shijian({"info"}, chinese).out;
  EXPECT_THAT(out, HasSubstr("帧率                     25.0\n"));
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) {
    const size_t name = line.find_first_not_of(' ');
    if (name == std::string::npos) continue;
    const std::string label = line.substr(name, line.find("  ", name) - name);
    // What a line of the table would have replaced: "BF16" stays.
    EXPECT_FALSE(std::all_of(label.begin(), label.end(), [](char c) {
      return c == '_' || (c >= 'a' && c <= 'z');
    })) << line;
  }
}

TEST_F(Locate, EvalGoesOnWithTheSameRunAlone) {
  const ScratchFolder scratch;
  ASSERT_EQ(run_shijian({"synth", "--out", scratch / "set", "--count", "1", "--seconds", "5-6",
                         "--size", "160x120"})
                .status,
            0);
  fs::copy(scratch / "set", scratch / "copy", fs::copy_options::recursive);
  const auto eval = [&](const std::string& set, const std::string& reference) {
    return run_shijian({"eval", "--dataset", "synth", scratch / set, "--json", scratch / "r.json",
                        "--reference", reference, "--limit", "1", "--no-cache"});
  };
  EXPECT_EQ(eval("set", "4").status, 0);
  EXPECT_EQ(eval("set", "4").status, 0);
  EXPECT_THAT(eval("set", "5").err, HasSubstr("answers of another run"));
  EXPECT_THAT(eval("copy", "4").err, HasSubstr("answers of another run"));
}

}  // namespace
}  // namespace shijian
