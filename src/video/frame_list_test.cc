// Videos whose packets do not say in so many words which frames there are, and when.
#include "video/frame_list.h"

#include <functional>

#include "video/packet_surgery.h"

namespace shijian::video {
namespace {

constexpr const char* kReordered =
    "-c:v libx264 -preset veryfast -g 20 -sc_threshold 0 -bf 2 -pix_fmt yuv420p";
constexpr const char* kPlain =
    "-c:v libx264 -preset veryfast -g 20 -sc_threshold 0 -bf 0 -pix_fmt yuv420p";

class ClockTest : public PacketSurgery {
 protected:
  void expect_jump(const std::filesystem::path& path, double at) {
    const VideoInfo info = probe(path);
    ASSERT_EQ(info.clock_jumps.size(), 1u) << path;
    EXPECT_NEAR(info.clock_jumps.front().time, at, 0.002) << path;
    ASSERT_FALSE(info.notes.empty()) << path;
    EXPECT_NE(info.notes.front().find("clock"), std::string::npos) << info.notes.front();
  }
};

TEST_F(ClockTest, FilesThatWereJoinedGoOn) {
  struct Kind {
    const char* name;
    const char* arguments;
    size_t head;  // of the second file, left out
  };
  const std::string vp8 = "-c:v libvpx -deadline realtime -g 20 -b:v 300k";
  for (const Kind& kind : {Kind{"a.ts", kReordered, 0}, Kind{"a.flv", kPlain, 13},
                           Kind{"a.mkv", kReordered, 0}, Kind{"a.webm", vp8.c_str(), 0}}) {
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
  // Sound that stops with the picture, or jumps with it, tells nothing.
  const std::string sound = fmt::format("{} -map 0:v -map 1:a -c:a aac", kReordered);
  const char* sine = "-f lavfi -i sine=duration=5:sample_rate=48000";
  const auto first = make("first.ts", 50, "10", sound, sine);
  const auto second = make("second.ts", 50, "10", sound + " -output_ts_offset 20", sine);
  const VideoInfo info = probe(join("joined.ts", {first, second}));
  EXPECT_EQ(info.clock_jumps.size(), 1u);
  EXPECT_NEAR(info.duration - info.start_time, 10, 0.002);
}

class UntoldTest : public PacketSurgery {};

TEST_F(UntoldTest, TimesOnSomePacketsOnly) {
  const auto h264 = make("h264.ts", 100, "10", kReordered);
  const auto mpeg2 = make("mpeg2.ts", 100, "25", "-c:v mpeg2video -g 20 -bf 2 -q:v 4");
  const auto fifth = [](int number) { return number % 5 == 0; };
  const auto intra = [](int number) { return number % 20 == 0; };
  expect_all(without_times(h264, "a.ts", fifth), 100, 10);
  expect_all(without_times(h264, "b.ts", intra), 100, 10);
  expect_all(without_times(h264, "c.ts", [](int number) { return number != 33; }), 100, 10);
  expect_all(without_times(mpeg2, "d.ts", fifth), 100, 25);
  expect_all(without_times(mpeg2, "e.ts", intra), 100, 25);
}

// Decoding begins at packet 40 of 100, 10 a second.
TEST_F(UntoldTest, AFileThatBeginsInsideAGroup) {
  const auto late = [](AVPacket&, int number) { return number >= 25; };
  for (const char* codec : {kReordered, kPlain}) {
    const auto whole = make("whole.ts", 100, "10", codec);
    expect_all(remux(whole, "mid.avi",
                     [](AVPacket& packet, int number) {
                       packet.dts = packet.pts = (number - 25) * 9000;
                       return number >= 25;
                     }),
               60, 10, 40, 1.5);
    for (const char* name : {"mid.ts", "mid.mkv"}) {
      const VideoInfo info = probe(remux(whole, name, late));
      EXPECT_EQ(info.frame_count, 60) << name;
      EXPECT_NEAR(info.start_time, 1.5, 0.11) << name;  // B-frames of the group may lie before
      EXPECT_FALSE(info.damaged) << name;
      const std::vector<int> seen = numbers(dir_ / name, info, 16);
      EXPECT_EQ(seen.front(), 40) << name;
      EXPECT_EQ(seen.back(), 99) << name;
    }
  }
  const std::string hevc =
      "-c:v libx265 -preset ultrafast -x265-params "
      "keyint=20:min-keyint=20:scenecut=0:open-gop=1:bframes=3:log-level=none:pools=none:frame-"
      "threads=1 "
      "-pix_fmt yuv420p";
  const auto path = remux(make("hevc.mkv", 100, "10", hevc), "mid.ts", late);
  const VideoInfo info = probe(path);
  EXPECT_EQ(numbers(path, info, 1).front(), 100 - info.frame_count);
  EXPECT_EQ(info.frame_count, 60);
}

// The B-pictures behind the first key packet refer to what is not there.
TEST_F(UntoldTest, AnAviThatBeginsWithAnOpenGroup) {
  for (const char* codec : {"-c:v mpeg4 -g 20 -bf 2 -q:v 3",
                            "-c:v mpeg2video -g 12 -bf 2 -q:v 3 -sc_threshold 1000000000"}) {
    int begin = 0;
    const auto path =
        remux(make("whole.avi", 60, "25", codec), "open.avi", [&](AVPacket& packet, int number) {
          if (begin == 0 && (packet.flags & AV_PKT_FLAG_KEY)) begin = number;
          packet.pts = packet.dts = number - begin;
          return begin > 0;
        });
    expect_all(path, 60 - begin - 2, 25, begin + 2, 2 / 25.0);
  }
}

// Nothing of the group that it begins in can be decoded, nor the B-pictures that the next one leads
// with: their places come before those of the others.
TEST_F(UntoldTest, AnAviThatBeginsInsideOpenGroups) {
  for (const char* codec : {"-c:v mpeg4 -g 20 -bf 2 -q:v 3",
                            "-c:v mpeg2video -g 12 -bf 2 -q:v 3 -sc_threshold 1000000000",
                            "-c:v libx264 -preset veryfast -bf 3 -x264-params "
                            "open-gop=1:keyint=20:min-keyint=20:b-adapt=0 -pix_fmt yuv420p"}) {
    const auto path =
        remux(make("whole.avi", 60, "25", codec), "mid.avi", [&](AVPacket& packet, int number) {
          packet.pts = packet.dts = number - 5;
          return number >= 5;
        });
    const VideoInfo info = probe(path);
    EXPECT_FALSE(info.variable_rate) << codec;
    const auto first = static_cast<int>(60 - info.frame_count);
    EXPECT_GT(first, 10) << codec;
    expect_all(path, 60 - first, 25, first, (first - 5) / 25.0);
  }
}

// What gives the times of decoding for those of showing.
TEST_F(UntoldTest, TimesInTheOrderOfCoding) {
  const auto expect_right = [&](const std::string& codec, const std::vector<std::string>& names) {
    const auto whole = make("whole.mkv", 100, "10", codec);
    for (const std::string& name : names) {
      expect_all(remux(whole, name,
                       [](AVPacket& packet, int number) {
                         packet.pts = packet.dts = number * 100;
                         return true;
                       }),
                 100, 10);
    }
  };
  const std::vector<std::string> all = {"a.ts", "a.flv", "a.mkv", "a.mp4"};
  expect_right(kReordered, all);
  expect_right(
      "-c:v libx264 -preset veryfast -g 20 -bf 3 -x264-params b-pyramid=normal -pix_fmt yuv420p",
      all);
  expect_right("-c:v mpeg4 -g 20 -bf 2 -q:v 3", {"a.mkv", "a.mp4"});
}

// As DivX and some recorders write them: a packet says that nothing changes.
TEST_F(UntoldTest, PicturesThatAreNotCoded) {
  const auto whole = make("whole.avi", 100, "10",
                          "-c:v mpeg4 -g 20 -bf 2 -q:v 4 -sc_threshold 1000000000 -flags +cgop");
  const auto path = remux(whole, "gap.avi", [](AVPacket& packet, int number) {
    packet.pts = packet.dts = number;
    if (number < 20 || number >= 38) return true;  // closed groups begin at 19 and 38
    // vop_coding_type P, no modulo, marker, 4 bits of time, marker, vop_coded 0.
    const uint8_t vop[] = {0, 0, 1, 0xb6, 0x50 | 5, 0x9f};
    av_packet_unref(&packet);
    EXPECT_GE(av_new_packet(&packet, sizeof vop), 0);
    std::copy_n(vop, sizeof vop, packet.data);
    packet.dts = packet.pts = number;
    return true;
  });
  const VideoInfo info = probe(path);
  EXPECT_FALSE(info.damaged);
  ASSERT_EQ(info.frame_count, 82);
  EXPECT_NEAR(info.duration, 10.0, 0.01);
  FramePlan plan = plan_frames(info, samples(4), {});
  plan.indices.clear();
  plan.times.clear();
  for (int64_t i = 0; i < info.frame_count; ++i) {
    plan.indices.push_back(i);
    plan.times.push_back(info.frame_time(i));
  }
  const Frames frames = decode_frames(path, info, plan, {}, pool_);
  EXPECT_EQ(frames.shown, plan.indices);
  for (int64_t i = 0; i < info.frame_count; ++i) {
    const int seen = number(frames.rgb, i);
    EXPECT_EQ(seen, i < 20 ? i : i + 18);
    EXPECT_NEAR(info.frame_time(i), seen / 10.0, 0.001) << i;
  }
}

// DivX in AVI: a B-picture travels with the picture that it refers to, and what says that nothing
// changes stands in its place.
TEST_F(UntoldTest, PicturesThatArePacked) {
  const auto whole = make("whole.avi", 100, "10", "-c:v mpeg4 -g 20 -bf 1 -q:v 4");
  std::vector<std::string> packets;
  remux(whole, "copy.avi", [&](AVPacket& packet, int number) {
    packets.emplace_back(reinterpret_cast<const char*>(packet.data), packet.size);
    packet.pts = packet.dts = number;
    return true;
  });
  const std::string vop("\0\0\1\xb6", 4);
  const auto is_b = [&](size_t number) {
    if (number >= packets.size()) return false;
    const size_t at = packets[number].find(vop);
    return at != std::string::npos && (packets[number][at + 4] & 0xc0) == 0x80;
  };
  const auto path = remux(whole, "packed.avi", [&](AVPacket& packet, int number) {
    std::string data = packets[number];
    if (number == 0) data.insert(data.find(vop), std::string("\0\0\1\xb2", 4) + "DivX503b1393p");
    if (is_b(number)) data = vop + "\x55\x9f";
    if (is_b(number + 1)) data += packets[number + 1];
    const int flags = packet.flags;
    av_packet_unref(&packet);
    EXPECT_GE(av_new_packet(&packet, static_cast<int>(data.size())), 0);
    std::copy(data.begin(), data.end(), packet.data);
    packet.pts = packet.dts = number;
    packet.flags = flags;
    return true;
  });
  expect_all(path, 100, 10);
}

TEST_F(UntoldTest, IntraRefreshIsDecodedUntilTheFrameIsThere) {
  for (const char* name : {"a.mp4", "a.mkv", "a.ts", "a.avi"}) {
    const auto path = make(name, 300, "10",
                           "-c:v libx264 -preset veryfast -bf 0 -x264-params "
                           "intra-refresh=1:keyint=30 -pix_fmt yuv420p");
    expect_all(path, 300, 10);
  }
}

TEST_F(UntoldTest, OpenGroupsAreSought) {
  const std::string hevc =
      "-c:v libx265 -preset ultrafast -x265-params "
      "keyint=20:min-keyint=20:scenecut=0:open-gop=1:bframes=4:log-level=none:pools=none:frame-"
      "threads=1 "
      "-pix_fmt yuv420p";
  const std::string h264 =
      "-c:v libx264 -preset veryfast -bf 3 -x264-params open-gop=1:keyint=20:min-keyint=20 "
      "-pix_fmt yuv420p";
  for (const char* name : {"a.mp4", "a.mkv", "a.ts"}) {
    expect_all(make(name, 100, "10", hevc), 100, 10);
    expect_all(make(name, 100, "10", h264), 100, 10);
  }
  expect_all(make("b.ts", 100, "25", "-c:v mpeg2video -g 15 -bf 2 -q:v 4"), 100, 25);
}

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
    EXPECT_TRUE(info.notes.empty()) << path << ": " << info.notes.front();
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
