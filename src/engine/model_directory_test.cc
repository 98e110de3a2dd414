#include "engine/model_directory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "base/error.h"
#include "base/file.h"
#include "base/temporary_folder.h"

namespace shijian::engine {
namespace {

class Profile : public ::testing::Test {
 protected:
  ModelProfile read(const std::string& text) {
    write_file_atomic(directory_ / "shijian.json", text);
    return read_model_profile(directory_);
  }
  void SetUp() override { std::filesystem::create_directories(directory_); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / ("shijian-profile-" + std::to_string(getpid()));
};

TEST_F(Profile, SaysHowToUseTheModel) {
  const ModelProfile profile = read(
      R"({"prompt_style": "timelens2", "times": "slots", "sampling": {"fps": 4, "frame_pixels": 16384, "max_frames": 9}})");
  EXPECT_TRUE(profile.slot_stamps);
  EXPECT_EQ(profile.prompt_style, grounding::PromptStyle::kTimeLens2);
  EXPECT_EQ(profile.fps, 4);
  EXPECT_EQ(profile.frame_pixels, 16384);
  EXPECT_EQ(profile.max_frames, 9);
  EXPECT_FALSE(profile.min_frames);
  EXPECT_FALSE(profile.window_clock);
  EXPECT_TRUE(read(R"({"clock": "window"})").window_clock);
  EXPECT_FALSE(read(R"({"clock": "file"})").window_clock);
}

TEST_F(Profile, MayBeMissingOrSilent) {
  EXPECT_FALSE(read_model_profile(directory_).fps);
  EXPECT_FALSE(read("{}").prompt_style);
  EXPECT_FALSE(read("{}").slot_stamps);
}

TEST_F(Profile, NamesTheFileThatIsWrong) {
  for (const char* text : {"[]", R"({"prompt_style":"best"})", R"({"prompt_style":3})",
                           R"({"clock":"own"})", R"({"clock":1})", R"({"sampling":1})",
                           R"({"sampling":{"fps":0}})", R"({"sampling":{"fps":"2"}})",
                           R"({"times":"frames"})", R"({"times":1})", R"({"explains":"no"})"}) {
    try {
      read(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalid) << text;
      EXPECT_NE(error.message().find("shijian.json"), std::string::npos) << error.message();
    }
  }
}

TEST_F(Profile, HasACalibrationWhereOneLiesBesideTheModel) {
  EXPECT_FALSE(read_calibration(directory_));
  const auto calibration = [&](const std::string& text) {
    write_file_atomic(directory_ / "calibration.json", text);
    return read_calibration(directory_);
  };
  const auto good =
      calibration(R"({"confidence": [1, 0.5, -2, 0, 1, 2], "uncertainty": 0.9, "events": 3})");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->weights[2], -2);
  EXPECT_EQ(good->uncertainty, 0.9);
  EXPECT_TRUE(good->readout.heads.empty());
  const auto with_heads = [&](const std::string& readout) {
    return R"({"confidence": [1, 0, 0, 0, 0, 0], "uncertainty": 1, "readout": )" + readout + "}";
  };
  const auto reads = calibration(with_heads(R"({"rows": 2, "heads": [[3, 1], [2, 0]]})"));
  ASSERT_EQ(reads->readout.heads.size(), 2u);
  EXPECT_EQ(reads->readout.rows, 2);
  EXPECT_EQ(reads->readout.heads[0].layer, 3);
  EXPECT_EQ(reads->readout.heads[0].index, 1);
  for (const std::string& text :
       {std::string("[]"), std::string("{}"),
        std::string(R"({"confidence": [1, 2, 3, 4, 5], "uncertainty": 1})"),
        std::string(R"({"confidence": [1, 2, 3, 4, 5, "6"], "uncertainty": 1})"),
        std::string(R"({"confidence": [1, 2, 3, 4, 5, 1e300], "uncertainty": 1})"),
        std::string(R"({"confidence": [1, 2, 3, 4, 5, 6], "uncertainty": 0})"), with_heads("[]"),
        with_heads(R"({"heads": [[3, 1]]})"), with_heads(R"({"rows": 9, "heads": [[3, 1]]})"),
        with_heads(R"({"rows": 1, "heads": [[3, -1]]})"),
        with_heads(R"({"rows": 1, "heads": [[3]]})"), with_heads(R"({"rows": 1, "heads": [3]})")}) {
    try {
      calibration(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_NE(error.message().find("calibration.json"), std::string::npos) << error.message();
      EXPECT_FALSE(error.hint().empty());
    }
  }
}

// --model, then SHIJIAN_MODEL, then the first official one of ./models, then nano.
TEST(FindModel, GoesFromWhatIsNamedToWhatIsThere) {
  namespace fs = std::filesystem;
  const TemporaryFolder folder;
  for (const char* model : {"Qwen3-VL-8B-Instruct", "Qwen3-VL-4B-Instruct", "Another"})
    fs::create_directories(folder.path() / "models" / model);
  write_file_atomic(folder.path() / "models" / "Qwen3-VL-2B.txt", "no folder");
  const fs::path before = fs::current_path();
  const char* named = std::getenv("SHIJIAN_MODEL");
  const std::string kept = named == nullptr ? "" : named;
  fs::current_path(folder.path());
  ::setenv("SHIJIAN_MODEL", "from-environment", 1);
  EXPECT_EQ(find_model_directory("asked"), "asked");
  EXPECT_EQ(find_model_directory(""), "from-environment");
  ::setenv("SHIJIAN_MODEL", "", 1);
  EXPECT_EQ(find_model_directory(""), "models/Qwen3-VL-4B-Instruct");
  fs::remove_all(folder.path() / "models");
  EXPECT_EQ(find_model_directory("").filename(), "nano");
  fs::current_path(before);
  ::setenv("SHIJIAN_MODEL", kept.c_str(), 1);
}

}  // namespace
}  // namespace shijian::engine
