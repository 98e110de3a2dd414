// Videos whose packets do not say in so many words which frames there are.
#include "video/frame_list.h"

#include "video/packet_surgery.h"

namespace shijian::video {
namespace {

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

}  // namespace
}  // namespace shijian::video
