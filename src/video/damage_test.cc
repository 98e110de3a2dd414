// Which files are called damaged.
#include <bit>

#include "video/frame_list.h"
#include "video/packet_surgery.h"

namespace shijian::video {
namespace {

class DamageTest : public PacketSurgery {
 protected:
  // The file as ffmpeg writes it where it cannot go back: no length is known in advance.
  std::filesystem::path piped(const std::string& name, int count, const std::string& arguments,
                              const std::string& more_inputs = "") {
    return make(name, count, "10", arguments + " pipe:1 >", more_inputs);
  }
  // Its first bytes.
  std::filesystem::path cut(const std::filesystem::path& path, size_t bytes) {
    return write("cut_" + path.filename().string(), bytes_of(path).substr(0, bytes));
  }
  std::filesystem::path cut_at(const std::filesystem::path& path, double share) {
    const auto bytes = static_cast<double>(std::filesystem::file_size(path));
    return cut(path, static_cast<size_t>(bytes * share));
  }
  void expect_whole(const std::filesystem::path& path, int64_t frames) {
    const VideoInfo info = probe(path);
    EXPECT_EQ(info.frame_count, frames) << path;
    EXPECT_FALSE(info.damaged) << path;
    EXPECT_TRUE(info.notes.empty()) << path << ": " << info.notes.front().english();
  }
  void expect_cut(const std::filesystem::path& path) {
    const VideoInfo info = probe(path);
    EXPECT_TRUE(info.damaged) << path;
    ASSERT_EQ(info.notes.size(), 1u) << path;
    EXPECT_TRUE(info.notes.front().english().starts_with("damaged or cut short")) << path;
  }
};

constexpr const char* kSound = "-f lavfi -i sine=duration=10:sample_rate=48000";

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

// Where the element of EBML at `at` ends, and with `open` where its first child begins; its length
// is made unknown then.
size_t past_element(std::string& bytes, size_t at, size_t id_bytes, bool open) {
  const size_t size = at + id_bytes;
  const size_t count = std::countl_zero(static_cast<uint8_t>(bytes[size])) + size_t{1};
  uint64_t length = static_cast<uint8_t>(bytes[size]) & (0xff >> count);
  for (size_t i = 1; i < count; ++i) length = length << 8 | static_cast<uint8_t>(bytes[size + i]);
  if (!open) return size + count + length;
  bytes[size] = static_cast<char>(0xff >> (count - 1));
  std::fill_n(bytes.begin() + static_cast<int64_t>(size) + 1, count - 1, '\xff');
  return size + count;
}

// Such files were sent over a network, or their writer ended before it could say their length.
TEST_F(DamageTest, AMatroskaWithoutLengthsIsCutInsideABlock) {
  const std::string sound = fmt::format("-map 0 -map 1 {} -c:a aac -f matroska", kPlain);
  for (const auto& path : {piped("a.mkv", 100, fmt::format("{} -f matroska", kPlain)),
                           piped("sound.mkv", 100, sound, kSound),
                           make("live.mkv", 100, "10", fmt::format("{} -live 1", kPlain)),
                           piped("a.webm", 100, "-c:v libvpx -g 20 -b:v 1M -f webm")}) {
    expect_whole(path, 100);
    expect_cut(cut_at(path, 0.6));
    expect_cut(cut(path, std::filesystem::file_size(path) - 3));
  }
}

TEST_F(DamageTest, ALiveMatroskaMayEndBehindABlock) {
  const auto path =
      piped("a.mkv", 100, fmt::format("{} -cluster_time_limit 1000 -f matroska", kPlain));
  const std::string id = "\x1f\x43\xb6\x75";
  std::string bytes = bytes_of(path);
  const size_t cluster = bytes.find(id, bytes.find(id, bytes.size() / 2) + 1);
  ASSERT_NE(cluster, std::string::npos);
  EXPECT_FALSE(probe(cut(path, cluster)).damaged);
  size_t child = 0;
  for (size_t at = bytes.find(id); at != std::string::npos; at = bytes.find(id, child)) {
    child = past_element(bytes, at, id.size(), true);
  }
  const auto open = write("open.mkv", bytes);
  expect_whole(open, 100);
  expect_cut(cut_at(open, 0.6));
  child = past_element(bytes, cluster, id.size(), true);
  for (int i = 0; i < 6; ++i) child = past_element(bytes, child, 1, false);
  ASSERT_EQ(bytes[child], '\xa3');  // a block
  const VideoInfo info = probe(cut(open, child));
  EXPECT_FALSE(info.damaged);
  EXPECT_LT(info.frame_count, 100);
  expect_cut(cut(open, child + 1));
  expect_cut(cut(open, child + 9));
}

// The tracks of fragments claim what was read of them, and FLV's sound may be what is cut.
TEST_F(DamageTest, ACutInTheSoundIsSeen) {
  const std::string both = fmt::format("-map 0 -map 1 {} -shortest -c:a aac -b:a 128k", kPlain);
  const auto fragments =
      make("a.mp4", 100, "10", both + " -movflags frag_keyframe+empty_moov", kSound);
  const auto tags = make("a.flv", 100, "10", both, kSound);
  for (const auto& path : {fragments, tags}) {
    for (const double share : {0.55, 0.6, 0.65, 0.7}) expect_cut(cut_at(path, share));
  }
  for (const auto& path : {fragments, tags}) {
    expect_whole(write("longer_" + path.filename().string(), bytes_of(path) + "junk behind it"),
                 probe(path).frame_count);
  }
  const std::string flv = bytes_of(tags);
  expect_cut(cut(tags, flv.size() - 30));
  EXPECT_FALSE(probe(cut(tags, flv.size() - 4)).damaged);
  // A tag says its length behind it.
  const uint8_t* length = reinterpret_cast<const uint8_t*>(flv.data()) + flv.size() - 4;
  EXPECT_FALSE(probe(cut(tags, flv.size() - 4 - (length[2] << 8 | length[3]))).damaged);
}

// What a writer says in advance that cannot go back is no claim.
TEST_F(DamageTest, AnAviFromAPipeIsWhole) {
  for (const char* codec : {"-c:v mjpeg -pix_fmt yuvj420p", kPlain, kReordered}) {
    const auto path = piped("a.avi", 100, fmt::format("{} -f avi", codec));
    expect_whole(path, 100);
    EXPECT_NEAR(probe(path).duration, 10, 1e-6) << codec;
    EXPECT_EQ(probe(path).container_duration, 0) << codec;
    expect_cut(cut_at(path, 0.6));
    EXPECT_LT(probe(cut_at(path, 0.6)).duration, 9) << codec;
  }
  const auto sound = piped("sound.avi", 100,
                           fmt::format("-map 0 -map 1 {} -c:a pcm_s16le -f avi", kPlain), kSound);
  expect_whole(sound, 100);
  EXPECT_NEAR(probe(sound).duration, 10, 1e-6);
  expect_cut(cut_at(sound, 0.6));
}

// Where a recorder drops frames, AVI has empty chunks: the picture before them stays.
TEST_F(DamageTest, EmptyChunksAtTheEndOfAnAviShowTheLastPicture) {
  for (const char* codec : {"-c:v mjpeg -pix_fmt yuvj420p", "-c:v mpeg4 -bf 2", "-c:v ffv1"}) {
    const auto whole = make("whole.avi", 100, "10", codec);
    const auto path = remux(whole, "dropped.avi", [](AVPacket& packet, int number) {
      if (number >= 80) av_shrink_packet(&packet, 0);
      return true;
    });
    const VideoInfo info = probe(path);
    EXPECT_FALSE(info.damaged) << codec;
    EXPECT_EQ(info.frame_count, 80) << codec;
    EXPECT_NEAR(info.frame_time(79), 7.9, 1e-6) << codec;
    EXPECT_NEAR(info.duration, 10, 1e-6) << codec;
  }
  // Frames that a header claims are none.
  std::string bytes = bytes_of(make("a.avi", 50, "10", "-c:v ffv1"));
  constexpr size_t kLengthAt = 8 + 32;
  const size_t header = bytes.find("strh");
  ASSERT_NE(header, std::string::npos);
  bytes[header + kLengthAt] = 90;
  EXPECT_NEAR(probe(write("claims.avi", bytes)).duration, 5, 1e-6);
}

TEST_F(DamageTest, AnIvfFromAPipeIsWhole) {
  const auto path = piped("a.ivf", 60, "-c:v libvpx -g 20 -b:v 1M -f ivf");
  expect_whole(path, 60);
  EXPECT_EQ(probe(path).container_duration, 0);
  expect_cut(cut_at(path, 0.6));
}

// AVI over a gigabyte goes on in a second list, which the first one's length leaves out.
TEST_F(DamageTest, ACutInTheSecondListOfAnAviIsSeen) {
  std::string bytes = bytes_of(make("a.avi", 100, "10", "-c:v mjpeg -pix_fmt yuvj420p"));
  const size_t index = bytes.rfind("idx1");
  const size_t data = bytes.find("movi");
  ASSERT_NE(index, std::string::npos);
  ASSERT_NE(data, std::string::npos);
  const std::string chunks = bytes.substr(data - 8, index - data + 8);
  const auto length = static_cast<uint32_t>(chunks.size() + 4);
  std::string second = "RIFF";
  for (int i = 0; i < 4; ++i) second += static_cast<char>(length >> (8 * i));
  second += "AVIX" + chunks;
  EXPECT_FALSE(probe(write("two.avi", bytes + second)).damaged);
  expect_cut(write("cut.avi", (bytes + second).substr(0, bytes.size() + second.size() / 2)));
}

TEST_F(DamageTest, AWrongLengthOfTheDataIsNoDamage) {
  const auto path = make("a.mp4", 50, "10", fmt::format("{} -movflags faststart", kPlain));
  std::string bytes = bytes_of(path);
  const size_t data = bytes.find("mdat");
  ASSERT_NE(data, std::string::npos);
  ++bytes[data - 3];
  expect_whole(write("wrong.mp4", bytes), 50);
}

TEST_F(DamageTest, AGxfEndsWithItsLastPacket) {
  const auto path = make("a.gxf", 75, "25", "-c:v mpeg2video -s 720x576 -g 10 -bf 0 -q:v 2");
  expect_whole(path, 75);
  expect_cut(cut_at(path, 0.6));
  constexpr size_t kEndOfStream = 16;
  const size_t packets = std::filesystem::file_size(path) - kEndOfStream;
  expect_cut(cut(path, packets));
  expect_cut(cut(path, packets + 5));
  const auto sound = make("sound.gxf", 250, "25",
                          "-map 0 -map 1 -c:v mpeg2video -s 720x576 -q:v 2 -c:a pcm_s16le", kSound);
  expect_whole(sound, 250);
}

TEST_F(DamageTest, ARealMediaWithoutAllItsDataIsCut) {
  const auto path = make("a.rm", 100, "10", "-c:v rv20 -s 176x144 -q:v 2 -g 10");
  expect_whole(path, 100);
  expect_whole(write("longer.rm", bytes_of(path) + "junk behind it"), 100);
  for (const double share : {0.5, 0.55, 0.6, 0.65}) expect_cut(cut_at(path, share));
}

// All pictures of such a file have one size.
TEST_F(DamageTest, ARawVideoIsCutInsideAPicture) {
  for (const char* pixels :
       {"yuv420p -s 127x63", "yuv422p -s 127x63", "yuv444p", "yuv411p -s 127x63", "gray",
        "yuv420p10 -strict -1", "gray10 -strict -1"}) {
    const auto path = make("a.y4m", 20, "10", fmt::format("-pix_fmt {}", pixels));
    expect_whole(path, 20);
    const std::string bytes = bytes_of(path);
    const size_t frame = bytes.rfind("FRAME\n");
    ASSERT_NE(frame, std::string::npos);
    expect_whole(cut(path, frame), 19);
    expect_cut(cut(path, frame + 3));
    expect_cut(cut(path, frame + 100));
    expect_cut(cut(path, bytes.size() - 1));
    expect_whole(write("longer.y4m", bytes + "junk"), 20);
  }
}

TEST_F(DamageTest, AnIvfMayBeJoinedAndAppendedTo) {
  const auto path = make("a.ivf", 60, "10", "-c:v libvpx -g 20 -b:v 1M -auto-alt-ref 0");
  expect_all(write("longer.ivf", bytes_of(path) + std::string(5000, 'j')), 60, 10);
  const auto second = part("b.ivf", 60, 60, "10", "-c:v libvpx -g 20 -b:v 1M -auto-alt-ref 0");
  const auto joined = join("joined.ivf", {path, second});
  expect_all(joined, 120, 10);
  expect_all(write("longer.ivf", bytes_of(joined) + std::string(5000, 'j')), 120, 10);
  EXPECT_TRUE(probe(cut_at(joined, 0.9)).damaged);
  EXPECT_TRUE(probe(cut_at(path, 0.6)).damaged);
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
