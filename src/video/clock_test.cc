// Clocks that jump, start over or stand still.
#include "video/frame_list.h"
#include "video/packet_surgery.h"

namespace shijian::video {
namespace {

class ClockTest : public PacketSurgery {
 protected:
  void expect_jump(const std::filesystem::path& path, double at) {
    const VideoInfo info = probe(path);
    ASSERT_EQ(info.clock_jumps.size(), 1u) << path;
    EXPECT_NEAR(info.clock_jumps.front().time, at, 0.002) << path;
    ASSERT_FALSE(info.notes.empty()) << path;
    EXPECT_NE(info.notes.front().english().find("clock"), std::string::npos)
        << info.notes.front().english();
  }
};

TEST_F(ClockTest, FilesThatWereJoinedGoOn) {
  struct Kind {
    const char* name;
    const char* arguments;
    size_t head;  // of the second file, left out
  };
  const std::string vp8 = "-c:v libvpx -deadline realtime -g 20 -b:v 300k";
  const std::string fragments = "-movflags +frag_keyframe+empty_moov+default_base_moof ",
                    one = fragments + kReordered, several = one + " -g 10";
  for (const Kind& kind :
       {Kind{"a.ts", kReordered, 0}, Kind{"a.flv", kPlain, 13}, Kind{"a.flv", kPlain, 0},
        Kind{"a.mkv", kReordered, 0}, Kind{"a.webm", vp8.c_str(), 0}, Kind{"a.mp4", one.c_str(), 0},
        Kind{"a.mp4", several.c_str(), 0}}) {
    const std::string end = std::filesystem::path(kind.name).extension();
    const auto path = join("joined" + end,
                           {part("a" + end, 0, 60, "10", kind.arguments),
                            part("b" + end, 60, 60, "10", kind.arguments)},
                           kind.head);
    expect_all(path, 120, 10);
    expect_jump(path, 6.0);
    EXPECT_FALSE(probe(path).variable_rate) << path;
  }
}

// Players show the first file of these alone, since its table says where it ends.
TEST_F(ClockTest, AFileBehindAnotherIsSaid) {
  for (const char* name : {"a.mp4", "a.mov", "a.wmv"}) {
    const std::string end = std::filesystem::path(name).extension();
    const std::string arguments = end == ".wmv" ? "-c:v wmv2 -q:v 2" : kReordered;
    const auto first = part("a" + end, 0, 60, "10", arguments);
    EXPECT_FALSE(probe(first).followed) << name;
    const auto joined = join("joined" + end, {first, part("b" + end, 60, 60, "10", arguments)});
    const VideoInfo info = probe(joined);
    EXPECT_TRUE(info.followed) << name;
    EXPECT_EQ(info.frame_count, 60) << name;
    EXPECT_FALSE(info.damaged) << name;
    ASSERT_EQ(info.notes.size(), 1u) << name;
    EXPECT_NE(info.notes.front().english().find("another file"), std::string::npos);
  }
}

// The second file's headers are no pictures, and hold the tables that its pictures are coded with.
TEST_F(ClockTest, TheoraThatWasJoinedKeepsItsHeaders) {
  const auto path =
      join("joined.ogv", {part("a.ogv", 0, 60, "10", "-c:v libtheora -q:v 9 -g 10"),
                          part("b.ogv", 60, 60, "10", "-c:v libtheora -q:v 5 -g 10")});
  expect_all(path, 120, 10);
  expect_jump(path, 6.0);
  const VideoInfo info = probe(path);
  EXPECT_FALSE(info.damaged);
  EXPECT_EQ(info.notes.size(), 1u);
  SamplingOptions late = samples(4);
  late.from = 9;
  expect_numbers(path, info, late);
}

TEST_F(ClockTest, ThreePartsOfThirtyThousandThsStayConstant) {
  const auto path = join("joined.flv",
                         {part("a.flv", 0, 50, "30", kPlain), part("b.flv", 50, 31, "30", kPlain),
                          part("c.flv", 81, 40, "30", kPlain)},
                         13);
  const VideoInfo info = probe(path);
  EXPECT_FALSE(info.variable_rate);
  EXPECT_EQ(info.frame_rate.value(), 30.0);
  EXPECT_EQ(info.clock_jumps.size(), 2u);
  expect_all(path, 121, 30);
}

TEST_F(ClockTest, ACameraThatComesBackAnHourLater) {
  for (const char* codec : {kReordered, kPlain}) {
    const auto whole = make("whole.mkv", 100, "10", codec);
    for (const char* name : {"jump.ts", "jump.mkv"}) {
      const auto path = remux(whole, name, [](AVPacket& packet, int number) {
        const int64_t by = number < 50 ? 0 : 3600000;
        packet.pts += by;
        if (packet.dts != AV_NOPTS_VALUE) packet.dts += by;
        return true;
      });
      expect_all(path, 100, 10);
      EXPECT_EQ(probe(path).clock_jumps.size(), 1u) << name;
    }
    for (const char* kind : {"ts", "mkv"}) {
      const auto at = [&](int hours) {
        return fmt::format("{} -output_ts_offset {}", codec, hours * 3600);
      };
      const auto path = join(fmt::format("back.{}", kind),
                             {part(fmt::format("a.{}", kind), 0, 50, "10", at(2)),
                              part(fmt::format("b.{}", kind), 50, 50, "10", at(1))});
      expect_all(path, 100, 10);
      expect_jump(path, 5.0);
    }
  }
}

TEST_F(ClockTest, AClockThatStandsIsSpread) {
  const auto whole = make("whole.mkv", 150, "10", kPlain);
  // It goes on as if it had not stood, or from where it stood.
  for (const int64_t lost : {int64_t{0}, int64_t{10000}}) {
    const auto path = remux(whole, "stands.mkv", [&](AVPacket& packet, int number) {
      if (number >= 20) packet.pts = number < 120 ? 2000 : packet.pts - lost;
      packet.dts = packet.pts;
      return true;
    });
    expect_all(path, 150, 10);
    EXPECT_EQ(probe(path).clock_jumps.size(), 1u) << lost;
  }
  const auto path = remux(whole, "all.mkv", [&](AVPacket& packet, int) {
    packet.pts = packet.dts = 0;
    return true;
  });
  expect_all(path, 150, 10);
}

// Of a recorder whose clock stands, B-pictures are told from others by their distance alone.
TEST_F(ClockTest, AClockThatStandsUnderReorderingIsSpread) {
  const auto whole = make("whole.flv", 60, "10", kReordered);
  // Some pictures, all of them, and by pairs.
  for (const auto& clock : std::vector<std::function<int64_t(int64_t)>>{
           [](int64_t dts) { return dts > 3000 && dts < 5000 ? 3000 : dts; },
           [](int64_t) { return 0; }, [](int64_t dts) { return dts / 200 * 200; }}) {
    const auto path = remux(whole, "stands.flv", [&](AVPacket& packet, int) {
      const int64_t distance = packet.pts - packet.dts;
      packet.dts = clock(packet.dts);
      packet.pts = packet.dts + distance;
      return true;
    });
    expect_all(path, 60, 10);
  }
}

TEST_F(ClockTest, AClockThatWrapsIsNoJump) {
  const auto path =
      make("wraps.ts", 100, "10",
           fmt::format("{} -output_ts_offset 95438 -muxdelay 0 -muxpreload 0", kReordered));
  expect_all(path, 100, 10);
  EXPECT_TRUE(probe(path).clock_jumps.empty());
}

TEST_F(ClockTest, AStillIsNoJump) {
  const auto path =
      make("still.mkv", 20, "10",
           fmt::format("{} -vf \"setpts='if(lt(N,10),N,N+6000)'\" -vsync passthrough", kPlain));
  const VideoInfo info = probe(path);
  EXPECT_TRUE(info.clock_jumps.empty());
  EXPECT_TRUE(info.frame_packets.empty());
  EXPECT_NEAR(info.frame_time(10), 601.0, 0.002);
}

// Packets of FLV do not say how long their pictures stay: the last one as long as most do.
TEST_F(ClockTest, TheLastPictureStaysAsLongAsMostDo) {
  const auto path = make("still.flv", 30, "10",
                         std::string(kPlain) +
                             " -vf \"settb=1/1000,setpts='if(eq(N,0),0,30000+(N-1)*100)'\" "
                             "-fps_mode passthrough -enc_time_base 1:1000");
  const VideoInfo info = probe(path);
  ASSERT_EQ(info.frame_count, 30);
  EXPECT_TRUE(info.variable_rate);
  EXPECT_NEAR(info.frame_time(29), 32.8, 0.002);
  EXPECT_NEAR(info.duration, 32.9, 0.002);
}

// Of a broadcast, whose clock may change at any time, sound that runs on tells a still from a jump.
TEST_F(ClockTest, AStillBesideSoundIsNoJump) {
  const std::string still =
      " -map 0:v -map 1:a -c:a aac -vf \"settb=1/1000,setpts='if(lt(N,50),N*100,15000+N*100)'\" "
      "-vsync "
      "passthrough -enc_time_base 1:1000";
  for (const char* codec : {kReordered, kPlain}) {
    for (const char* name : {"still.ts", "still.m2ts"}) {
      const auto path =
          make(name, 100, "10", codec + still, "-f lavfi -i sine=duration=25:sample_rate=48000");
      const VideoInfo info = probe(path);
      ASSERT_EQ(info.frame_count, 100) << name;
      EXPECT_TRUE(info.clock_jumps.empty()) << name;
      EXPECT_NEAR(info.duration - info.start_time, 25, 0.002) << name;
      for (int i = 0; i < 100; ++i) {
        ASSERT_NEAR(info.frame_time(i) - info.start_time, i < 50 ? i / 10.0 : 15 + i / 10.0, 0.002)
            << name << " frame " << i;
      }
      expect_numbers(path, info, samples(100));
    }
  }
  // An hour in a container that may hold stills for half an hour.
  for (const char* name : {"still.mp4", "still.mkv"}) {
    const auto path = make(name, 100, "10",
                           std::string(kPlain) +
                               " -map 0:v -map 1:a -c:a aac -b:a 8k -vf \"settb=1/1000,setpts='if("
                               "lt(N,50),N*100,3600000+N*100)'\" -vsync passthrough -enc_time_base "
                               "1:1000",
                           "-f lavfi -i anullsrc=r=8000:cl=mono:d=3610");
    const VideoInfo info = probe(path);
    EXPECT_TRUE(info.notes.empty()) << info.notes.front().english();
    EXPECT_NEAR(info.frame_time(50) - info.frame_time(0), 3605, 0.002) << name;
  }
  // Sound that stops with the picture, or jumps with it, tells nothing.
  const std::string sound = fmt::format("{} -map 0:v -map 1:a -c:a aac", kReordered);
  const char* sine = "-f lavfi -i sine=duration=5:sample_rate=48000";
  const auto first = make("first.ts", 50, "10", sound, sine);
  const auto second = make("second.ts", 50, "10", sound + " -output_ts_offset 20", sine);
  const VideoInfo info = probe(join("joined.ts", {first, second}));
  EXPECT_EQ(info.clock_jumps.size(), 1u);
  EXPECT_NEAR(info.duration - info.start_time, 10, 0.002);
}

// Slow throughout, or in a container that counts frames, a still needs no sound to explain it.
TEST_F(ClockTest, ASlideShowIsNoJump) {
  struct Kind {
    const char* name;
    const char* codec;
    const char* time;  // of frame N, in tenths of a second
    double twelfth;    // when frame 12 is shown, in seconds after the first
  };
  for (const Kind& kind :
       {Kind{"slides.ts", kPlain, "N*120", 144}, Kind{"slides.mp4", kPlain, "N*20000", 24000},
        Kind{"still.ogv", "-c:v libtheora -q:v 9", "if(lt(N,10),N,N+150)", 16.2}}) {
    const VideoInfo info =
        probe(make(kind.name, 20, "10",
                   fmt::format("{} -vf \"settb=1/10,setpts='{}'\" -vsync passthrough "
                               "-enc_time_base 1:10",
                               kind.codec, kind.time)));
    EXPECT_TRUE(info.notes.empty()) << info.notes.front().english();
    EXPECT_NEAR(info.frame_time(12) - info.frame_time(0), kind.twelfth, 0.002) << kind.name;
  }
}

}  // namespace
}  // namespace shijian::video
