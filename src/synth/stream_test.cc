#include "synth/stream.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/json.h"

namespace shijian::synth {
namespace {

StreamOptions short_clips() {
  StreamOptions options;
  options.script.min_ms = 5000;
  options.script.max_ms = 6000;
  options.seed = 12;
  options.count = 6;
  return options;
}

std::string whole(const StreamOptions& options) {
  std::string all;
  stream_clips(options, [&](std::string_view clip) {
    all += clip;
    return true;
  });
  return all;
}

TEST(SynthStream, EachClipIsALineAndTwoBlocks) {
  const StreamOptions options = short_clips();
  const std::string all = whole(options);
  size_t at = 0;
  int clips = 0, compressed = 0;
  while (at < all.size()) {
    const size_t end = all.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    const Json line = parse_json(all.substr(at, end - at), "clip");
    EXPECT_EQ(line.at("id"), fmt::format("train-12-{}", clips++));
    const size_t frames = line.at("times").size(), slots = line.at("slot_times").size();
    const int width = line.at("width"), height = line.at("height");
    const std::vector<size_t> grid = line.at("grid");
    EXPECT_EQ(frames, 2 * slots);
    EXPECT_EQ(width % 32, 0);
    EXPECT_EQ(height % 32, 0);
    EXPECT_LE(width * height, 16384);
    EXPECT_EQ(grid, (std::vector<size_t>{slots, height / 32u, width / 32u}));
    EXPECT_EQ(line.at("frame_bytes"), frames * width * height * 3);
    EXPECT_EQ(line.at("label_bytes"), grid[0] * grid[1] * grid[2] * 4);
    EXPECT_LE(line.at("questions").size(), 8u);
    compressed += line.at("compressed").get<bool>();
    const size_t labels = end + 1 + line.at("frame_bytes").get<size_t>();
    at = labels + line.at("label_bytes").get<size_t>();
    ASSERT_LE(at, all.size());
    const size_t objects = line.at("objects").size(), scenes = line.at("backgrounds").size();
    int covered = 0;
    for (size_t i = labels; i < at; i += 4) {
      const auto byte = [&](int k) { return static_cast<uint8_t>(all[i + k]); };
      ASSERT_LE(byte(0), objects);
      for (const int shift : {0, 4}) {  // the slot's two frames
        ASSERT_LE(byte(1) >> shift & 15, 8);
        ASSERT_TRUE((byte(2) >> shift & 15) >= 1 &&
                    (byte(2) >> shift & 15) <= static_cast<int>(scenes));
      }
      ASSERT_EQ(byte(0) == 0, byte(1) == 0);
      covered += byte(0) != 0;
    }
    EXPECT_GT(covered, 0);
  }
  EXPECT_EQ(clips, 6);
  EXPECT_GT(compressed, 0);
  EXPECT_LT(compressed, 6);
}

TEST(SynthStream, IsTheSameForAnyNumberOfThreadsAndFromAnyClip) {
  StreamOptions options = short_clips();
  const std::string one = whole(options);
  options.threads = 3;
  EXPECT_EQ(whole(options), one);
  options.first = 2;
  options.count = 4;
  EXPECT_TRUE(one.ends_with(whole(options)));
}

TEST(SynthStream, LabelsAloneAreTheLabelsOfTheFullStream) {
  StreamOptions options = short_clips();
  const std::string full = stream_clip(options, 3);
  options.labels_only = true;
  const std::string bare = stream_clip(options, 3);
  const Json line = parse_json(bare.substr(0, bare.find('\n')), "clip");
  EXPECT_EQ(line.at("frame_bytes"), 0);
  EXPECT_TRUE(full.ends_with(bare.substr(bare.find('\n') + 1)));
}

TEST(SynthStream, EndlessUntilNobodyListens) {
  StreamOptions options = short_clips();
  options.count = 0;
  options.labels_only = true;
  int clips = 0;
  stream_clips(options, [&](std::string_view) { return ++clips < 20; });
  EXPECT_EQ(clips, 20);
}

TEST(SynthStream, LongClipsAreSampledLessDensely) {
  StreamOptions options = short_clips();
  options.script.min_ms = options.script.max_ms = 60000;
  options.labels_only = true;
  options.max_frames = 64;
  const std::string clip = stream_clip(options, 0);
  const Json line = parse_json(clip.substr(0, clip.find('\n')), "clip");
  EXPECT_EQ(line.at("times").size(), 64u);
  EXPECT_GT(line.at("times").back().get<double>(), 59);
}

}  // namespace
}  // namespace shijian::synth
