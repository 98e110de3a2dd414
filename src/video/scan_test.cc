#include "video/scan.h"

#include <algorithm>

#include "video/sandbox.h"
#include "video/sandbox_fixture.h"
#include "video/test_video.h"

namespace shijian::video {
namespace {

constexpr int kSide = 96;

// A picture of one shot: large patches of its own colours, and a box at `place` of the width.
void paint(std::string& frames, int shot, int place) {
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const unsigned patch =
          static_cast<unsigned>(shot * 7919 + y / 16 * 31 + x / 16 * 17) * 2654435761U;
      const bool box = y >= 40 && y < 56 && x >= place && x < place + 16;
      for (int c = 0; c < 3; ++c) {
        frames += static_cast<char>(box ? 255 : patch >> (8 * c) & 255);
      }
    }
  }
}

struct ScanCase {
  const char* name;
  const char* file;
  const char* arguments;
};
void PrintTo(const ScanCase& c, std::ostream* out) { *out << c.name; }

class ScanTest : public SandboxTest, public ::testing::WithParamInterface<ScanCase> {
 protected:
  std::filesystem::path shots(const ScanCase& c) {
    std::string frames;
    for (int i = 0; i < 150; ++i) paint(frames, i < 30 ? 0 : i < 71 ? 1 : i < 100 ? 2 : 3, i % 80);
    return encode(c.file, frames, "rgb24", kSide, kSide, "25", c.arguments);
  }
  // Stands for 4 s, moves for 4 s and stands for 4 s.
  std::filesystem::path moves_between(const ScanCase& c) {
    std::string frames;
    for (int i = 0; i < 300; ++i) paint(frames, 0, i < 100 ? 0 : i < 200 ? (i * 7) % 80 : 60);
    return encode(c.file, frames, "rgb24", kSide, kSide, "25", c.arguments);
  }
};

TEST_P(ScanTest, FindsTheFirstFrameOfEachShot) {
  const auto path = shots(GetParam());
  const VideoScan scanned = scan(path, probe(path));
  EXPECT_EQ(scanned.cuts, (std::vector<int64_t>{30, 71, 100}));
}

TEST_P(ScanTest, TellsWhatMovesFromWhatStands) {
  if (std::string(GetParam().name) == "vp9") GTEST_SKIP() << "it spends bytes on what stands, too";
  const auto path = moves_between(GetParam());
  const VideoScan scanned = scan(path, probe(path));
  EXPECT_EQ(scanned.activity.size(), 24U);
  EXPECT_LT(scanned.activity_between(0.5, 3.4), 0.3);
  EXPECT_GT(scanned.activity_between(5, 7), 0.5);
  EXPECT_LT(scanned.activity_between(8.6, 11.9), 0.3);
  EXPECT_TRUE(scanned.cuts.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Codecs, ScanTest,
    ::testing::Values(
        ScanCase{"h264", "a.mp4", "-c:v libx264 -preset veryfast -pix_fmt yuv420p"},
        ScanCase{"h264_fixed_groups", "a.mp4",
                 "-c:v libx264 -preset veryfast -g 24 -sc_threshold 0 -pix_fmt yuv420p"},
        ScanCase{"h264_one_group", "a.mkv",
                 "-c:v libx264 -preset veryfast -g 9999 -sc_threshold 0 -pix_fmt yuv420p"},
        ScanCase{"h264_open_groups", "a.ts",
                 "-c:v libx264 -preset veryfast -g 24 -x264-params open-gop=1 -pix_fmt yuv420p"},
        ScanCase{"hevc", "a.mp4",
                 "-c:v libx265 -preset ultrafast -x265-params "
                 "keyint=50:log-level=none:pools=none:frame-threads=1 -pix_fmt yuv420p"},
        ScanCase{
            "vp9", "a.webm",
            "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 50 -crf 32 -b:v 0 -pix_fmt yuv420p"},
        ScanCase{"mpeg2", "a.mpg", "-c:v mpeg2video -q:v 4 -g 15 -bf 2"},
        ScanCase{"mpeg4_avi", "a.avi", "-c:v mpeg4 -q:v 4 -g 40 -bf 2"},
        ScanCase{"motion_jpeg", "a.avi", "-c:v mjpeg -q:v 4"},
        ScanCase{"gif", "a.gif",
                 "-lavfi \"split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none\""}));

class Scanning : public SandboxTest {};

TEST_F(Scanning, TheSameInAChild) {
  std::string frames;
  for (int i = 0; i < 100; ++i) paint(frames, i / 40, i % 80);
  const auto path = encode("a.mp4", frames, "rgb24", kSide, kSide, "25",
                           "-c:v libx264 -preset veryfast -pix_fmt yuv420p");
  const VideoInfo info = probe(path);
  const VideoScan here = scan(path, info);
  start_decode_sandbox();
  const VideoScan there = scan(path, info);
  EXPECT_EQ(here.cuts, there.cuts);
  EXPECT_EQ(here.activity, there.activity);
}

TEST_F(Scanning, OneFrameIsNoShotMore) {
  std::string frames;
  paint(frames, 0, 0);
  const auto path = encode("a.mp4", frames, "rgb24", kSide, kSide, "25",
                           "-c:v libx264 -preset veryfast -pix_fmt yuv420p");
  const VideoScan scanned = scan(path, probe(path));
  EXPECT_TRUE(scanned.cuts.empty());
  EXPECT_EQ(scanned.activity.size(), 1U);
}

TEST_F(Scanning, AFlashIsNoCut) {
  std::string frames;
  for (int i = 0; i < 60; ++i) paint(frames, i == 30 ? 5 : 0, 0);
  const auto path = encode("a.mp4", frames, "rgb24", kSide, kSide, "25",
                           "-c:v libx264 -preset veryfast -pix_fmt yuv420p");
  EXPECT_TRUE(scan(path, probe(path)).cuts.empty());
}

}  // namespace
}  // namespace shijian::video
