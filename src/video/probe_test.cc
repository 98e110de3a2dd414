#include "video/probe.h"

#include "base/file.h"
#include "video/test_video.h"

namespace shijian::video {
namespace {

class ProbeTest : public TestVideos {
 protected:
  static constexpr const char* kH264 = "-c:v libx264 -preset veryfast -g 20 -bf 2 -pix_fmt yuv420p";
  static constexpr const char* kSine = "-f lavfi -i sine=duration=4:sample_rate=48000";

  static std::string bytes_of(const std::filesystem::path& path) {
    return read_file(path, 1 << 24);
  }
  // The first `share` of a file.
  std::filesystem::path truncated(const std::filesystem::path& path, double share) {
    const std::string bytes = bytes_of(path);
    return write("cut_" + path.filename().string(),
                 bytes.substr(0, static_cast<size_t>(static_cast<double>(bytes.size()) * share)));
  }
};

TEST_F(ProbeTest, AConstantRateIsExactWhateverTheClock) {
  const auto mp4 = make("a.mp4", 90, "30000/1001", kH264);
  const auto mkv = copy(mp4, "a.mkv", "");
  const auto back = copy(mkv, "b.mp4", "");  // a fine clock with Matroska's milliseconds
  for (const auto& path : {mp4, mkv, back}) {
    const VideoInfo info = probe(path);
    EXPECT_FALSE(info.variable_rate) << path;
    EXPECT_EQ(info.frame_rate.value(), 30000.0 / 1001) << path;
    EXPECT_EQ(info.frame_time(77), 77 / (30000.0 / 1001)) << path;
  }
}

TEST_F(ProbeTest, AVariableRateGivesEachFrameItsTime) {
  const std::string arguments =
      fmt::format("{} -vf \"setpts='if(lt(N,20),N,20+(N-20)*3)'\" -vsync passthrough", kH264);
  for (const char* name : {"a.mp4", "a.mkv", "a.mov"}) {
    const auto path = make(name, 50, "25", arguments);
    const VideoInfo info = probe(path);
    EXPECT_TRUE(info.variable_rate) << name;
    ASSERT_EQ(info.frame_count, 50) << name;
    for (int i = 0; i < 50; ++i) {
      ASSERT_NEAR(info.frame_time(i), (i < 20 ? i : 20 + (i - 20) * 3) / 25.0, 0.00051) << name;
    }
    expect_numbers(path, info, samples(7));
  }
}

TEST_F(ProbeTest, AnEditListHidesTheFramesBeforeTheCut) {
  const auto whole = make("whole.mp4", 100, "25", kH264);
  const auto path = copy(whole, "cut.mp4", "", "-ss 1.32");
  const VideoInfo info = probe(path);
  EXPECT_EQ(info.frame_count, 67);
  EXPECT_EQ(info.start_time, 0.0);
  EXPECT_NEAR(info.duration, 67 / 25.0, 1e-9);
  EXPECT_TRUE(info.notes.empty()) << info.notes.front().english();
  expect_numbers(path, info, samples(5), 33);
  expect_numbers(path, info, samples(67), 33);
}

TEST_F(ProbeTest, AVideoThatStartsLateStaysLate) {
  for (const char* name : {"late.mp4", "late.mkv", "late.ts"}) {
    const auto path =
        make(name, 50, "25", fmt::format("-map 0 -map 1 {} -vsync passthrough -c:a aac", kH264),
             kSine, "-itsoffset 2");
    const VideoInfo info = probe(path);
    EXPECT_EQ(info.frame_count, 50) << name;
    EXPECT_NEAR(info.start_time, 2.0, 0.03) << name;
    EXPECT_NEAR(info.duration, 4.0, 0.03) << name;
    EXPECT_FALSE(info.variable_rate) << name;
    EXPECT_EQ(info.prompt_time(25), info.start_time + 1.0) << name;
    expect_numbers(path, info, samples(5));
    ASSERT_EQ(info.tracks.size(), 2u);
    EXPECT_EQ(info.tracks[1].type, "audio");
    EXPECT_EQ(info.tracks[1].codec, "aac");
  }
}

// The clock of a transport stream wraps between the first sound and the first picture.
TEST_F(ProbeTest, SoundBeforeAClockWrapsCounts) {
  const auto path = make(
      "wrap.ts", 50, "25",
      fmt::format("-map 0 -map 1 {} -vsync passthrough -c:a aac -output_ts_offset 95441", kH264),
      kSine, "-itsoffset 2");
  const VideoInfo info = probe(path);
  EXPECT_NEAR(info.start_time, 2.0, 0.03);
  EXPECT_NEAR(info.duration, 4.0, 0.03);
  expect_numbers(path, info, samples(5));
}

TEST_F(ProbeTest, LateAudioAndItsPrimingMoveNothing) {
  const auto late = make("late.mp4", 50, "25", fmt::format("-map 0 -map 1 {} -c:a aac", kH264),
                         fmt::format("-itsoffset 1 {}", kSine));
  EXPECT_EQ(probe(late).start_time, 0.0);
  EXPECT_NEAR(probe(late).duration, 2.0, 1e-9);
  const auto primed = make("primed.mkv", 50, "25", fmt::format("{} -c:a libopus", kH264), kSine);
  const VideoInfo info = probe(primed);
  EXPECT_LT(info.start_time, 0.03);
  EXPECT_EQ(info.prompt_time(25), 1.0);
}

TEST_F(ProbeTest, NegativeOffsetsAndNoEditListAreRead) {
  const auto path = make("a.mp4", 60, "25",
                         fmt::format("{} -use_editlist 0 -movflags negative_cts_offsets", kH264));
  const VideoInfo info = probe(path);
  EXPECT_EQ(info.start_time, 0.0);
  EXPECT_FALSE(info.variable_rate);
  expect_numbers(path, info, samples(9));
  const auto delayed = make("b.mp4", 60, "25", fmt::format("{} -use_editlist 0", kH264));
  EXPECT_EQ(probe(delayed).start_time, 0.0);
  expect_numbers(delayed, probe(delayed), samples(9));
}

TEST_F(ProbeTest, PixelShapeAndOddSizes) {
  const VideoInfo wide = probe(make("a.mp4", 5, "25", fmt::format("{} -vf setsar=2/1", kH264)));
  EXPECT_EQ(wide.coded_width, 128);
  EXPECT_EQ(wide.width, 256);
  EXPECT_EQ(wide.height, 64);
  const VideoInfo tall = probe(make("b.mkv", 5, "25", fmt::format("{} -vf setsar=1/2", kH264)));
  EXPECT_EQ(tall.width, 128);
  EXPECT_EQ(tall.height, 128);

  std::string frames;
  for (int n = 0; n < 6; ++n) frames += std::string(97 * 61, static_cast<char>(40 * n + 20));
  const auto odd = encode("odd.webm", frames, "gray", 97, 61, "25",
                          "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv420p");
  const VideoInfo info = probe(odd);
  EXPECT_EQ(info.width, 97);
  EXPECT_EQ(info.height, 61);
  DecodeOptions options;
  options.source_size = true;
  const Frames out = decode_frames(odd, info, plan_frames(info, samples(6), {}), options, pool_);
  ASSERT_EQ(out.rgb.shape(), (tensor::Shape{6, 61, 97, 3}));
  for (int n = 0; n < 6; ++n) {
    const uint8_t* frame = out.rgb.data<uint8_t>() + n * 61 * 97 * 3;
    for (int i : {0, 96 * 3, 60 * 97 * 3, 61 * 97 * 3 - 1}) EXPECT_NEAR(frame[i], 40 * n + 20, 4);
  }
}

TEST_F(ProbeTest, OneFrameIsAClip) {
  for (const char* name : {"a.mp4", "a.mkv", "a.avi", "a.mov"}) {
    const auto path = make(name, 1, "25", "-c:v mpeg4");
    const VideoInfo info = probe(path);
    EXPECT_EQ(info.frame_count, 1) << name;
    EXPECT_NEAR(info.duration, 0.04, 1e-9) << name;
    const Frames out = decode_frames(path, info, plan_frames(info, {}, {}), {}, pool_);
    EXPECT_EQ(out.rgb.dim(0), 2) << name;
    EXPECT_EQ(out.shown, (std::vector<int64_t>{0, 0}));
  }
}

TEST_F(ProbeTest, ABrokenTailGivesWhatIsThere) {
  const std::string h264 = fmt::format("{} -movflags faststart", kH264);
  for (const auto& path :
       {make("a.mp4", 100, "25", h264), make("a.mkv", 100, "25", kH264),
        make("a.avi", 100, "25", "-c:v mpeg4 -g 20"), make("a.ts", 100, "25", kH264)}) {
    const auto cut = truncated(path, 0.6);
    const VideoInfo info = probe(cut);
    EXPECT_GT(info.frame_count, 20) << path;
    EXPECT_LT(info.frame_count, 90) << path;
    EXPECT_FALSE(info.variable_rate) << path;
    EXPECT_EQ(info.notes.size(), 1u) << path;
    const FramePlan plan = plan_frames(info, samples(9), {});
    const Frames out = decode_frames(cut, info, plan, {}, pool_);
    for (int i = 0; i < 9; ++i) EXPECT_EQ(number(out.rgb, i), out.shown[i]) << path;
    for (int i = 0; i < 8; ++i) EXPECT_EQ(out.shown[i], plan.indices[i]) << path;
  }
}

TEST_F(ProbeTest, DamageInTheMiddleIsBridged) {
  const auto path = make("a.mkv", 100, "25", fmt::format("{} -cluster_time_limit 500", kH264));
  std::string bytes = bytes_of(path);
  std::fill_n(bytes.begin() + static_cast<int64_t>(bytes.size()) / 2, 600, '\x55');
  const auto broken = write("broken.mkv", bytes);
  const VideoInfo info = probe(broken);
  EXPECT_GT(info.frame_count, 60);
  const Frames out = decode_frames(broken, info, plan_frames(info, samples(20), {}), {}, pool_);
  EXPECT_EQ(out.rgb.dim(0), 20);
  EXPECT_NEAR(info.duration, 4.0, 0.1);
  EXPECT_EQ(number(out.rgb, 0), 0);
  EXPECT_EQ(number(out.rgb, 19), 99);
}

TEST_F(ProbeTest, CancelsAndReports) {
  const auto path = make("a.mp4", 50, "25", kH264);
  const VideoInfo info = probe(path);
  std::stop_source source;
  int64_t last = 0;
  const auto progress = [&](int64_t done, int64_t total) {
    EXPECT_GT(done, last);
    EXPECT_EQ(total, 10);
    last = done;
    if (done >= 5) source.request_stop();
  };
  const FramePlan plan = plan_frames(info, samples(10), {});
  try {
    decode_frames(path, info, plan, {}, pool_, source.get_token(), progress);
    FAIL() << "was not cancelled";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kCancelled);
  }
  EXPECT_EQ(last, 5);
  EXPECT_THROW(probe(path, source.get_token()), Error);
}

}  // namespace
}  // namespace shijian::video
