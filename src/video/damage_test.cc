// Which files are called damaged.
#include "video/frame_list.h"
#include "video/packet_surgery.h"

namespace shijian::video {
namespace {

class DamageTest : public PacketSurgery {};

TEST_F(DamageTest, WhatIsLongerOrLaterIsNoDamage) {
  const auto video = make("a.mkv", 100, "10", kReordered);
  write("late.srt", "1\n00:10:00,000 --> 00:10:02,000\nlate\n");
  const auto subtitles = copy(video, "sub.mkv", "-map 0 -map 1 -c:s srt",
                              fmt::format("-i {}", (dir_ / "late.srt").string()));
  const auto sound = make("sound.mp4", 50, "10", fmt::format("{} -c:a aac", kReordered),
                          "-f lavfi -i sine=duration=30:sample_rate=48000");
  const auto hour = copy(video, "hour.mkv", "-output_ts_offset 3600");
  const auto fragments =
      copy(video, "tfdt.mp4", "-movflags frag_keyframe+empty_moov -output_ts_offset 3600");
  const auto trimmed = copy(copy(video, "whole.mp4", ""), "trimmed.mp4", "-t 5");
  for (const auto& path : {subtitles, sound, hour, fragments, trimmed}) {
    const VideoInfo info = probe(path);
    EXPECT_FALSE(info.damaged) << path;
    EXPECT_TRUE(info.notes.empty()) << path << ": " << info.notes.front().english();
  }
  expect_all(hour, 100, 10);
  expect_all(fragments, 100, 10);
}

TEST_F(DamageTest, WhatIsCutOrLostIs) {
  for (const char* name : {"a.mp4", "a.mkv", "a.avi"}) {
    const std::string bytes =
        bytes_of(make(name, 100, "10", fmt::format("{} -movflags faststart", kPlain)));
    const auto path = write(fmt::format("cut_{}", name), bytes.substr(0, bytes.size() * 3 / 4));
    EXPECT_TRUE(probe(path).damaged) << name;
  }
  // Without a header that says how much there is, the end itself tells.
  struct Kind {
    const char* name;
    const char* arguments;
  };
  for (const Kind& kind :
       {Kind{"a.ogv", "-c:v libtheora -q:v 9"}, Kind{"a.wmv", "-c:v wmv2 -q:v 2"},
        Kind{"a.ts", kPlain}, Kind{"a.dv", "-s 720x576 -r 25 -pix_fmt yuv420p"},
        Kind{"b.mts", "-c:v mpeg2video -r 25 -f mpegts -mpegts_m2ts_mode 1"},
        Kind{"a.gif", "-c:v gif"}, Kind{"a.apng", "-c:v apng"},
        Kind{"a.ivf", "-c:v libvpx -g 10 -b:v 1M"}}) {
    const auto path = make(kind.name, 60, "10", kind.arguments);
    EXPECT_FALSE(probe(path).damaged) << kind.name;
    const std::string bytes = bytes_of(path);
    const std::string half = bytes.substr(0, bytes.size() * 3 / 4 + 5);
    EXPECT_TRUE(probe(write(fmt::format("cut_{}", kind.name), half)).damaged) << kind.name;
  }
  // What is appended to a transport stream is no part of it.
  const std::string whole = bytes_of(make("a.ts", 60, "10", kPlain));
  EXPECT_FALSE(probe(write("longer.ts", whole + std::string(100, 0))).damaged);
  // Of a broadcast a part of a picture did not arrive.
  std::string bytes =
      bytes_of(make("a.ts", 100, "10", fmt::format("{} -vf noise=alls=60:allf=t", kPlain)));
  constexpr size_t kPacket = 188;
  const auto video = [&](size_t at, bool begins) {  // of the usual identifier, 256
    const auto* p = reinterpret_cast<const uint8_t*>(bytes.data()) + at;
    return (p[1] & 0x1f) == 1 && p[2] == 0 && ((p[1] & 0x40) != 0) == begins;
  };
  size_t at = bytes.size() / kPacket / 2 * kPacket;
  while (at + 3 * kPacket < bytes.size() &&
         !(video(at, true) && video(at + kPacket, false) && video(at + 2 * kPacket, false))) {
    at += kPacket;
  }
  ASSERT_LT(at + 3 * kPacket, bytes.size());
  bytes.erase(at + kPacket, kPacket);
  EXPECT_TRUE(probe(write("lost.ts", bytes)).damaged);
}

// The counters of packets start over at each joint, though nothing is lost.
TEST_F(DamageTest, SegmentsThatWereJoinedAreWhole) {
  const auto whole = make("whole.mp4", 200, "10", fmt::format("{} -g 10", kPlain));
  run(
      fmt::format("ffmpeg -y -nostdin -v error -i {} -c copy -f segment -segment_time 1 "
                  "-segment_format mpegts {}",
                  whole.string(), (dir_ / "s%02d.ts").string()));
  std::vector<std::filesystem::path> segments;
  for (int i = 0; i < 20; ++i) segments.push_back(dir_ / fmt::format("s{:02}.ts", i));
  const auto path = join("joined.ts", segments);
  const VideoInfo info = probe(path);
  EXPECT_TRUE(info.notes.empty()) << info.notes.front().english();
  EXPECT_EQ(info.frame_count, 200);
  expect_all(path, 200, 10);
}

// Nothing says where these end, but the last picture is shown after others that did not come.
TEST_F(DamageTest, AStreamMayEndAnywhere) {
  const auto whole = make("whole.ts", 100, "10", kReordered);
  int lacking = 0;
  for (int count = 61; count < 70; ++count) {
    const auto path = remux(whole, "cut.ts", [&](AVPacket&, int number) { return number < count; });
    const VideoInfo info = probe(path);
    EXPECT_FALSE(info.variable_rate) << count;
    EXPECT_EQ(info.damaged, info.frame_count < count) << count;
    EXPECT_EQ(info.notes.empty(), !info.damaged) << count;
    EXPECT_NEAR(info.duration, static_cast<double>(info.frame_count) / 10, 0.002) << count;
    expect_numbers(path, info, samples(20));
    lacking += info.damaged;
  }
  EXPECT_GT(lacking, 2);
  const std::string live =
      bytes_of(make("live.mkv", 100, "10", fmt::format("{} -live 1", kReordered)));
  for (size_t size = live.size() * 3 / 4; size < live.size() * 7 / 8; size += live.size() / 64) {
    EXPECT_FALSE(probe(write("cut.mkv", live.substr(0, size))).variable_rate) << size;
  }
}

// A picture may be shown late because nothing moved before.
TEST_F(DamageTest, APauseBeforeTheEndIsNoCut) {
  const VideoInfo info = probe(make(
      "pause.ts", 60, "10",
      fmt::format("{} -vf \"setpts='if(lt(N,59),N,N+7)'/10/TB\" -vsync passthrough", kReordered)));
  EXPECT_EQ(info.frame_count, 60);
  EXPECT_FALSE(info.damaged);
}

}  // namespace
}  // namespace shijian::video
