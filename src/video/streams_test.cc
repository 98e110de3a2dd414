// Several video streams or programmes in one file.
#include <gmock/gmock.h>

#include "base/file.h"
#include "video/clip.h"
#include "video/sandbox_fixture.h"

namespace shijian::video {
namespace {

class StreamsTest : public SandboxTest {
 protected:
  static constexpr const char* kH264 = "-c:v libx264 -preset ultrafast -g 10 -pix_fmt yuv420p";
};

// A programme's time zero is its own, whatever the clock of its neighbour.
TEST_F(StreamsTest, AProgrammeHasAClockOfItsOwn) {
  const auto video = make("video.ts", 100, "10", std::string(kH264) + " -output_ts_offset 1000");
  const auto radio = dir_ / "radio.ts";
  run("ffmpeg -y -nostdin -v error -f lavfi -i sine=duration=9.7 -c:a mp2 " + radio.string());
  for (const bool radio_first : {false, true}) {
    const auto path = dir_ / "two.ts";
    const auto& a = radio_first ? radio : video;
    const auto& b = radio_first ? video : radio;
    run(
        fmt::format("ffmpeg -y -nostdin -v error -copyts -i {} -copyts -i {} -map 0 -map 1 -c copy "
                    "-program title=One:st=0 -program title=Two:st=1 -muxdelay 0 -max_delay 0 "
                    "-max_interleave_delta 0 {}",
                    a.string(), b.string(), path.string()));
    const VideoInfo info = probe(path);
    EXPECT_EQ(info.start_time, 0);
    EXPECT_NEAR(info.duration, 10.0, 0.01);
    ASSERT_EQ(info.frame_count, 100);
    EXPECT_EQ(info.stream, radio_first ? 1 : 0);
    EXPECT_EQ(info.video_streams(), 1);
    const Track& track = info.tracks.at(static_cast<size_t>(info.stream));
    EXPECT_EQ(track.programme, radio_first ? 2 : 1);
    EXPECT_EQ(track.title, radio_first ? "Two" : "One");
    expect_numbers(path, info, samples(10));
  }
}

// As where a broadcast goes on under another identifier.
TEST_F(StreamsTest, AStreamMayBeginLate) {
  const auto first = make("first.ts", 80, "10", kH264);
  for (const char* change : {"-streamid 0:0x200",
                             "-mpegts_start_pid 0x300 -mpegts_pmt_start_pid "
                             "0x1010 -mpegts_service_id 2"}) {
    const auto second = dir_ / "second.ts";
    run(fmt::format("ffmpeg -y -nostdin -v error -i {} -c copy {} {}", first.string(), change,
                    second.string()));
    const auto path = write("late.ts", read_file(first, 1 << 24) + read_file(second, 1 << 24));
    const VideoInfo main = probe(path);
    EXPECT_EQ(main.frame_count, 80);
    EXPECT_EQ(main.video_streams(), 2);
    EXPECT_EQ(main.notes.size(), 1u);
    EXPECT_EQ(main.tracks.front().programme, 1);
    const VideoInfo late = probe(path, {}, 1);
    EXPECT_EQ(late.frame_count, 80);
    EXPECT_EQ(late.width, kWidth);
  }
}

TEST_F(StreamsTest, AStreamIsChosenByItsIndex) {
  const auto a = make("a.mkv", 30, "25", kH264);
  const auto b = make("b.mkv", 40, "25", "-c:v mpeg2video -vf negate -q:v 2");
  for (const char* name : {"angles.mkv", "angles.mp4", "angles.ts"}) {
    const auto path = dir_ / name;
    run(
        fmt::format("ffmpeg -y -nostdin -v error -f lavfi -i sine=duration=2 -i {} -i {} -map 0 "
                    "-map 1 -map 2 -c:v copy -c:a aac -metadata:s:v:1 language=deu "
                    "-disposition:v:0 default -disposition:v:1 0 {}",
                    a.string(), b.string(), path.string()));
    const VideoInfo first = probe(path);
    EXPECT_EQ(first.video_streams(), 2) << name;
    for (const bool sandboxed : {false, true}) {
      sandboxed ? start_decode_sandbox() : stop_decode_sandbox();
      const VideoInfo second = probe(path, {}, 2);
      EXPECT_EQ(second.stream, 2) << name;
      EXPECT_EQ(second.codec, "mpeg2video") << name;
      ASSERT_EQ(second.frame_count, 40) << name;
      // Transport streams give languages to sound alone.
      if (first.container != "mpegts") {
        EXPECT_EQ(second.tracks.at(2).language, "deu") << name;
      }
      EXPECT_EQ(second.tracks.at(2).width, kWidth) << name;
      const FramePlan plan = plan_frames(second, samples(8), {});
      const Frames frames = decode_frames(path, second, plan, {}, pool_);
      for (int i = 0; i < 8; ++i) {
        EXPECT_EQ(number(frames.rgb, i), 0xffff - plan.indices[static_cast<size_t>(i)]) << name;
      }
      const Error error = error_of([&] { probe(path, {}, 0); });
      EXPECT_EQ(error.code(), ErrorCode::kInvalid);
      EXPECT_THAT(error.message(), ::testing::HasSubstr("no video stream (there are: 1, 2)"));
    }
    stop_decode_sandbox();
  }
}

}  // namespace
}  // namespace shijian::video
