#include "video/decode.h"

#include <ctime>

#include "video/test_video.h"

namespace shijian::video {
namespace {

struct Case {
  const char* name;
  const char* file;
  const char* arguments;
  const char* container;
  const char* codec;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class DecodeTest : public TestVideos, public ::testing::WithParamInterface<Case> {};

TEST_P(DecodeTest, EverySampledFrameIsTheRightOne) {
  const Case& c = GetParam();
  const auto path = make(c.file, 120, "25", c.arguments);
  const VideoInfo info = probe(path);
  EXPECT_EQ(info.container, c.container);
  EXPECT_EQ(info.codec, c.codec);
  EXPECT_EQ(info.frame_count, 120);
  EXPECT_FALSE(info.variable_rate);
  EXPECT_EQ(info.frame_rate.value(), 25.0);
  EXPECT_EQ(info.start_time, 0.0);
  EXPECT_NEAR(info.duration, 4.8, 1e-9);
  EXPECT_EQ(info.frame_time(7), 7 / 25.0);
  EXPECT_TRUE(info.notes.empty()) << info.notes.front().english();
  for (int n : {2, 3, 5, 9, 30, 120}) expect_numbers(path, info, samples(n));
  SamplingOptions window = samples(4);
  window.from = 3.02;
  window.to = 3.5;
  expect_numbers(path, info, window);
}

INSTANTIATE_TEST_SUITE_P(
    Formats, DecodeTest,
    ::testing::Values(
        Case{"mp4_h264", "a.mp4", "-c:v libx264 -preset veryfast -g 24 -bf 2 -pix_fmt yuv420p",
             "mp4", "h264"},
        Case{"mov_h264_10bit", "a.mov", "-c:v libx264 -preset veryfast -g 24 -pix_fmt yuv420p10le",
             "mov", "h264"},
        Case{"mkv_h264_open_gop", "a.mkv",
             "-c:v libx264 -preset veryfast -g 24 -bf 3 -x264-params open-gop=1 -pix_fmt yuv420p",
             "matroska", "h264"},
        Case{"avi_h264_bframes", "a.avi", "-c:v libx264 -preset veryfast -g 24 -pix_fmt yuv420p",
             "avi", "h264"},
        Case{"mp4_fragmented", "a.mp4",
             "-c:v libx264 -preset veryfast -g 24 -movflags frag_keyframe+empty_moov "
             "-pix_fmt yuv420p",
             "mp4", "h264"},
        Case{"mp4_hevc", "a.mp4",
             "-c:v libx265 -preset ultrafast -x265-params "
             "keyint=24:log-level=none:pools=none:frame-threads=1 -pix_fmt yuv420p",
             "mp4", "hevc"},
        Case{"mkv_hevc_10bit", "a.mkv",
             "-c:v libx265 -preset ultrafast -x265-params "
             "keyint=24:open-gop=1:bframes=3:log-level=none:pools=none:frame-threads=1 "
             "-pix_fmt yuv420p10le",
             "matroska", "hevc"},
        Case{"webm_vp9", "a.webm",
             "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -auto-alt-ref 1 -lag-in-frames 12 "
             "-g 24 -b:v 200k -pix_fmt yuv420p",
             "webm", "vp9"},
        Case{"webm_vp8", "a.webm",
             "-c:v libvpx -deadline good -cpu-used 5 -auto-alt-ref 1 -lag-in-frames 12 -g 24 "
             "-b:v 200k -pix_fmt yuv420p",
             "webm", "vp8"},
        Case{"mp4_av1", "a.mp4",
             "-c:v libaom-av1 -usage realtime -cpu-used 8 -row-mt 0 -g 24 -crf 20 "
             "-pix_fmt yuv420p",
             "mp4", "av1"},
        Case{"webm_av1", "a.webm",
             "-c:v libaom-av1 -usage good -cpu-used 6 -lag-in-frames 12 -g 24 -b:v 200k "
             "-pix_fmt yuv420p",
             "webm", "av1"},
        Case{"avi_mpeg4", "a.avi", "-c:v mpeg4 -g 24 -q:v 4", "avi", "mpeg4"},
        Case{"avi_mpeg4_bframes", "a.avi", "-c:v mpeg4 -g 24 -bf 2 -q:v 4", "avi", "mpeg4"},
        Case{"mp4_mpeg4_bframes", "a.mp4", "-c:v mpeg4 -g 24 -bf 2 -q:v 4", "mp4", "mpeg4"},
        Case{"avi_mjpeg", "a.avi", "-c:v mjpeg -q:v 4 -pix_fmt yuvj420p", "avi", "mjpeg"},
        Case{"mov_mjpeg", "a.mov", "-c:v mjpeg -q:v 4 -pix_fmt yuvj422p", "mov", "mjpeg"},
        Case{"mpegts_h264", "a.ts", "-c:v libx264 -preset veryfast -g 24 -bf 2 -pix_fmt yuv420p",
             "mpegts", "h264"},
        Case{"flv_h264", "a.flv", "-c:v libx264 -preset veryfast -g 24 -bf 2 -pix_fmt yuv420p",
             "flv", "h264"}),
    [](const auto& param) { return param.param.name; });

class SeekTest : public TestVideos {};

// Three frames of 1500 cost a small part of reading through them all.
TEST_F(SeekTest, SparseSamplesAreSought) {
  for (const char* name : {"a.mp4", "a.mkv", "a.ts", "a.flv"}) {
    const auto path = make(name, 1500, "25", "-c:v libx264 -preset ultrafast -g 25");
    const VideoInfo info = probe(path);
    EXPECT_EQ(info.key_frames.size(), 60u);
    auto cost = [&](const SamplingOptions& options) {
      const FramePlan plan = plan_frames(info, options, {});
      const clock_t start = std::clock();
      decode_frames(path, info, plan, {}, pool_);
      return static_cast<double>(std::clock() - start);
    };
    SamplingOptions sparse = samples(3), dense = samples(300);
    EXPECT_LT(cost(sparse) * 3, cost(dense)) << name;
    expect_numbers(path, info, sparse);
  }
}

}  // namespace
}  // namespace shijian::video
