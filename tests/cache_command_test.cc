// What is kept between runs of the program, and `shijian cache`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "command.h"

namespace shijian {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

class CacheCommand : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new ScratchFolder;
    make_clip(*folder_ / "clip.mp4");
  }
  static void TearDownTestSuite() { delete folder_; }

  std::string cache() const { return scratch_ / "kept"; }

  // The answer without what differs from run to run.
  static json answer(std::vector<std::string> arguments, json* reuse = nullptr) {
    arguments.insert(arguments.begin(), {"locate", *folder_ / "clip.mp4", "When is it red?"});
    arguments.insert(arguments.end(), {"--format", "json", "--logprobs", "3"});
    const CommandResult result = run_shijian(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    json parsed = json::parse(result.out);
    if (reuse != nullptr) {
      *reuse = {{"reused", parsed["reused"]}, {"encoded_slots", parsed["encoded_slots"]}};
    }
    for (const char* key : {"reused", "encoded_slots", "timing"}) {
      EXPECT_TRUE(parsed.contains(key)) << key;
      parsed.erase(key);
    }
    return parsed;
  }
  json cache_json(const std::string& what) const {
    const CommandResult result = run_shijian({"cache", what, "--cache-dir", cache(), "--json"});
    EXPECT_EQ(result.status, 0) << result.err;
    return json::parse(result.out);
  }

  static const ScratchFolder* folder_;
  ScratchFolder scratch_;
};
const ScratchFolder* CacheCommand::folder_ = nullptr;

TEST_F(CacheCommand, ASecondRunEncodesNothing) {
  json first, second, off;
  const json a = answer({"--cache-dir", cache()}, &first);
  // Of all looks, those at boundaries among them.
  const int slots = first["encoded_slots"];
  EXPECT_GE(slots, a["sampling"]["slots"]);
  EXPECT_EQ(first,
            json({{"reused", {{"slots", 0}, {"prefix_tokens", 0}}}, {"encoded_slots", slots}}));
  const json b = answer({"--cache-dir", cache()}, &second);
  EXPECT_EQ(second,
            json({{"reused", {{"slots", slots}, {"prefix_tokens", 0}}}, {"encoded_slots", 0}}));
  EXPECT_EQ(b, a);
  const json c = answer({"--cache-dir", cache(), "--no-cache"}, &off);
  EXPECT_EQ(off, first);
  EXPECT_EQ(c, a);
}

TEST_F(CacheCommand, TheUsualFolderFollowsTheEnvironment) {
  CommandOptions options;
  options.environment = {"XDG_CACHE_HOME=" + scratch_ / "xdg"};
  const std::vector<std::string> ask = {"locate", *folder_ / "clip.mp4", "When is it red?"};
  ASSERT_EQ(run_shijian(ask, options).status, 0);
  EXPECT_TRUE(fs::exists(scratch_ / "xdg/shijian/CACHEDIR.TAG"));
  EXPECT_THAT(run_shijian({"cache", "stats"}, options).out, HasSubstr(scratch_ / "xdg/shijian"));
}

TEST_F(CacheCommand, StatsVerifyClear) {
  EXPECT_EQ(cache_json("stats")["entries"], 0);
  answer({"--cache-dir", cache()});
  const json stats = cache_json("stats");
  EXPECT_GT(stats["entries"], 1);
  EXPECT_GT(stats["bytes"], 4096);
  EXPECT_EQ(stats["oldest"].get<std::string>().size(), std::string("2026-11-22T20:00:00Z").size());
  for (const auto& entry : fs::recursive_directory_iterator(cache())) {
    if (entry.path().extension() != ".cache") continue;
    std::ofstream(entry.path(), std::ios::app) << "x";
    break;
  }
  const json verified = cache_json("verify");
  EXPECT_EQ(verified["checked"], stats["entries"]);
  EXPECT_EQ(verified["damaged"], 1);
  EXPECT_EQ(cache_json("verify")["damaged"], 0);
  EXPECT_EQ(cache_json("clear")["removed"], stats["entries"].get<int>() - 1);
  EXPECT_EQ(cache_json("stats")["entries"], 0);
  EXPECT_EQ(run_shijian({"cache"}).status, 2);
}

TEST_F(CacheCommand, SaysThatItCouldNotKeepAnything) {
  const std::string file = scratch_ / "file";
  std::ofstream(file) << "x";
  const std::vector<std::string> ask = {"locate", *folder_ / "clip.mp4", "When is it red?",
                                        "--cache-dir", file + "/cache"};
  const CommandResult result = run_shijian(ask);
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.out, "");
  EXPECT_THAT(result.err, HasSubstr(file));
  EXPECT_THAT(result.err, HasSubstr("--no-cache"));
  EXPECT_EQ(run_shijian({"locate", "x.mp4", "x", "--cache-size", "lots"}).status, 2);
}

// Both begin with nothing and meet in the folder.
TEST_F(CacheCommand, TwoRunsAtOnce) {
  const json alone = answer({"--no-cache"});
  json other;
  std::thread second([&] { other = answer({"--cache-dir", cache()}); });
  const json one = answer({"--cache-dir", cache()});
  second.join();
  EXPECT_EQ(one, alone);
  EXPECT_EQ(other, alone);
  EXPECT_EQ(cache_json("verify")["damaged"], 0);
}

TEST_F(CacheCommand, BenchMeasuresReuse) {
  const CommandResult result =
      run_shijian({"bench", "--reuse", "--seconds", "8", "--side", "128", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json figures = json::parse(result.out);
  EXPECT_EQ(figures["identical"], true);
  EXPECT_EQ(figures["first"]["encoded_slots"], figures["slots"]);
  EXPECT_EQ(figures["second"]["encoded_slots"], 0);
  EXPECT_EQ(figures["restarted"]["encoded_slots"], 0);
  EXPECT_GT(figures["second"]["reused"]["prefix_tokens"],
            figures["second"]["usage"]["vision_tokens"]);
  EXPECT_EQ(figures["second"]["usage"]["generated_tokens"], 32);
}

}  // namespace
}  // namespace shijian
