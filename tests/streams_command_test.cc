// Files with several videos, animations and encrypted files, through the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "command.h"

namespace shijian {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kQuestion = "When is the red circle visible?";

class Streams : public testing::Test {
 protected:
  Streams() { make_clip(folder_ / "clip.mp4"); }

  // The clip through the ffmpeg program.
  std::string made(const std::string& name, const std::string& arguments) {
    const std::string path = folder_ / name;
    const std::string command = "ffmpeg -y -nostdin -v error -i " +
                                std::string(folder_ / "clip.mp4") + " " + arguments + " " + path;
    EXPECT_EQ(std::system((command + " 2>/dev/null").c_str()), 0) << command;
    return path;
  }
  static json output(std::vector<std::string> arguments) {
    const CommandResult result = run_shijian(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return json::parse(result.out, nullptr, false);
  }

  const ScratchFolder folder_;
};

TEST_F(Streams, AreListedAndChosen) {
  const std::string file =
      made("angles.mkv",
           "-filter_complex \"[0:v]split[a][b];[b]scale=96:64[c]\" -map [a] -map [c] "
           "-metadata:s:v:1 language=deu -metadata:s:v:1 title=Goal");
  const json info = output({"info", file, "--json"});
  EXPECT_EQ(info["stream"], 0);
  ASSERT_EQ(info["tracks"].size(), 2u);
  EXPECT_EQ(info["tracks"][1]["index"], 1);
  EXPECT_EQ(info["tracks"][1]["size"], "96x64");
  EXPECT_EQ(info["tracks"][1]["title"], "Goal");
  EXPECT_EQ(output({"info", file, "--json", "--stream", "1"})["width"], 96);
  const json main = output({"locate", file, kQuestion, "--format", "json"});
  EXPECT_THAT(main["notes"].dump(), HasSubstr("other_streams"));
  const json other = output({"locate", file, kQuestion, "--format", "json", "--stream", "1"});
  EXPECT_EQ(other["video"]["width"], 96);
  EXPECT_THAT(other["notes"].dump(), HasSubstr("number 1 was looked at"));
  const CommandResult none = run_shijian({"locate", file, kQuestion, "--stream", "5"});
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.err, HasSubstr("stream 5 is no video stream"));
}

TEST_F(Streams, AFileJoinedToAnotherIsSaid) {
  const std::string one = made("one.mp4", "");
  const std::string both = folder_ / "both.mp4";
  for (int i = 0; i < 2; ++i) {
    std::ofstream(both, std::ios::app) << std::ifstream(one).rdbuf();
  }
  const json answer = output({"locate", both, kQuestion, "--format", "json"});
  EXPECT_THAT(answer["notes"].dump(), HasSubstr("other_file"));
}

TEST_F(Streams, AnimationsAreVideos) {
  for (const char* name : {"a.gif", "a.apng"}) {
    const std::string file = made(name, "-r 5");
    EXPECT_EQ(output({"info", file, "--json"})["kind"], "video") << name;
    const json answer = output({"locate", file, kQuestion, "--format", "json"});
    EXPECT_GT(answer["sampling"]["frames"], 8) << name;
    EXPECT_THAT(answer["notes"].dump(), Not(HasSubstr("damaged"))) << name;
    const std::vector<std::string> describe = {
        "describe", file, "-p", "What?", "--format", "json", "--max-new-tokens", "4"};
    EXPECT_GT(output(describe)["usage"]["vision_tokens"],
              answer["usage"]["vision_tokens"].get<int>() / 2)
        << name;
  }
}

TEST_F(Streams, EncryptedFilesAreRefused) {
  const std::string file =
      made("locked.mp4",
           "-c copy -encryption_scheme cenc-aes-ctr -encryption_key "
           "76a6c65c5ea762046bd749a2e632ccbb -encryption_kid a7e61c373e219033c21091fa607bf3b8");
  const CommandResult result = run_shijian({"locate", file, kQuestion});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("encrypted"));
}

}  // namespace
}  // namespace shijian
