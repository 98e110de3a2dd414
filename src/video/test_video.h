// Small real videos for the tests, made on the spot by the ffmpeg program. Every frame carries its
// own number, readable after any codec: 16 blocks, 8 by 2, white for a set bit.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "video/decode.h"
#include "video/plan.h"
#include "video/probe.h"

namespace shijian::video {

class TestVideos : public ::testing::Test {
 protected:
  static constexpr int kWidth = 128, kHeight = 64;

  void SetUp() override {
    char name[] = "/tmp/shijian-video-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    dir_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  // One numbered picture of grey levels, kHeight rows of kWidth.
  static std::string numbered(int n) {
    std::string frame(kWidth * kHeight, 0);
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        const int bit = y / (kHeight / 2) * 8 + x / (kWidth / 8);
        frame[y * kWidth + x] = static_cast<char>(n >> bit & 1 ? 255 : 0);
      }
    }
    return frame;
  }

  // `count` numbered frames at `rate` a second, encoded as `arguments` say.
  // `more_inputs` stands behind the first input, `before` in front of it.
  std::filesystem::path make(const std::string& name, int count, const std::string& rate,
                             const std::string& arguments, const std::string& more_inputs = "",
                             const std::string& before = "") {
    std::string frames;
    for (int n = 0; n < count; ++n) frames += numbered(n);
    return encode(name, frames, "gray", kWidth, kHeight, rate, arguments, more_inputs, before);
  }

  // Raw frames through the ffmpeg program.
  std::filesystem::path encode(const std::string& name, const std::string& frames,
                               const std::string& pixel_format, int width, int height,
                               const std::string& rate, const std::string& arguments,
                               const std::string& more_inputs = "",
                               const std::string& before = "") {
    const std::filesystem::path raw = dir_ / "frames.raw";
    std::filesystem::path path = dir_ / name;
    std::ofstream(raw, std::ios::binary).write(frames.data(), std::ssize(frames));
    run(
        fmt::format("ffmpeg -y -nostdin -v error -threads 1 {} -f rawvideo -pix_fmt {} -s {}x{} "
                    "-framerate {} -i {} {} {} {}",
                    before, pixel_format, width, height, rate, raw.string(), more_inputs, arguments,
                    path.string()));
    std::filesystem::remove(raw);
    return path;
  }

  // The file again, remuxed or cut by "ffmpeg `before` -i path `arguments` name".
  std::filesystem::path copy(const std::filesystem::path& path, const std::string& name,
                             const std::string& arguments, const std::string& before = "") {
    std::filesystem::path to = dir_ / name;
    run(fmt::format("ffmpeg -y -nostdin -v error {} -i {} -c copy {} {}", before, path.string(),
                    arguments, to.string()));
    return to;
  }

  std::filesystem::path write(const std::string& name, const std::string& bytes) {
    std::ofstream(dir_ / name, std::ios::binary).write(bytes.data(), std::ssize(bytes));
    return dir_ / name;
  }

  static void run(const std::string& command) {
    ASSERT_EQ(std::system((command + " 2>/dev/null").c_str()), 0) << command;
  }

  // The number written in frame i of U8 [n, height, width, 3].
  static int number(const tensor::Tensor& rgb, int64_t i) {
    const int64_t height = rgb.dim(1), width = rgb.dim(2);
    const uint8_t* frame = rgb.data<uint8_t>() + i * height * width * 3;
    int value = 0;
    for (int bit = 0; bit < 16; ++bit) {
      const int64_t y = (bit / 8 * 2 + 1) * height / 4, x = (bit % 8 * 2 + 1) * width / 16;
      value |= (frame[(y * width + x) * 3 + 1] > 127) << bit;
    }
    return value;
  }

  // Decodes the plan and checks that every frame shows its own index.
  void expect_numbers(const std::filesystem::path& path, const VideoInfo& info,
                      const SamplingOptions& options, int offset = 0) {
    const FramePlan plan = plan_frames(info, options, {});
    const Frames frames = decode_frames(path, info, plan, {}, pool_);
    ASSERT_EQ(frames.shown, plan.indices) << path;
    for (size_t i = 0; i < plan.indices.size(); ++i) {
      ASSERT_EQ(number(frames.rgb, static_cast<int64_t>(i)), plan.indices[i] + offset)
          << path << " sample " << i;
    }
  }

  static SamplingOptions samples(int frames) {
    SamplingOptions options;
    options.frames = frames;
    return options;
  }

  std::filesystem::path dir_;
  ThreadPool pool_{2};
};

}  // namespace shijian::video
