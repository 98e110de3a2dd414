// Containers and codecs beside MP4 and MKV: what FFmpeg decodes is read, in the sandbox too.
#include <gmock/gmock.h>

#include "base/file.h"
#include "video/formats.h"
#include "video/sandbox_fixture.h"

namespace shijian::video {
namespace {

constexpr const char* kInOrder = "-c:v libx264 -preset ultrafast -g 10 -bf 0 -pix_fmt yuv420p";

struct ContainerKind {
  const char* name;       // of the file
  const char* arguments;  // of ffmpeg
  const char* container;  // as probe() names it
  const char* codec;
};

class ContainerTest : public SandboxTest {
 protected:
  // 30 numbered frames at 25 a second, all of which are read at their times.
  void expect_read(const ContainerKind& kind) {
    const auto path = make(kind.name, 30, "25", kind.arguments);
    const VideoInfo info = probe(path);
    EXPECT_EQ(info.container, kind.container) << kind.name;
    EXPECT_EQ(info.codec, kind.codec) << kind.name;
    EXPECT_FALSE(info.damaged) << kind.name;
    ASSERT_EQ(info.frame_count, 30) << kind.name;
    EXPECT_NEAR(info.frame_rate.value(), 25, 1e-6) << kind.name;
    EXPECT_NEAR(info.frame_time(29) - info.frame_time(0), 29 / 25.0, 0.003) << kind.name;
    EXPECT_NEAR(info.duration, 1.2, 0.01) << kind.name;
    expect_numbers(path, info, samples(10));
  }
};

TEST_F(ContainerTest, WhatFfmpegWritesIsRead) {
  const std::string ps = std::string(kInOrder) + " -f mpeg";
  const std::vector<ContainerKind> kinds = {
      {"a.mpg", "-c:v mpeg1video -q:v 2 -g 10 -bf 0", "mpeg", "mpeg1video"},
      {"a.vob", "-c:v mpeg2video -q:v 2 -g 10 -bf 0 -f vob", "mpeg", "mpeg2video"},
      {"a.m2ts", kInOrder, "mpegts", "h264"},
      {"a.mts", "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -f mpegts -mpegts_m2ts_mode 1",
       "mpegts", "h264"},
      {"a.ogv", "-c:v libtheora -q:v 9 -g 10", "ogg", "theora"},
      {"a.wmv", "-c:v wmv2 -q:v 2 -g 10", "asf", "wmv2"},
      {"a.asf", "-c:v msmpeg4 -q:v 2 -g 10", "asf", "msmpeg4v3"},
      {"a.mxf", "-c:v mpeg2video -q:v 2 -g 10 -bf 0", "mxf", "mpeg2video"},
      {"b.mxf", "-c:v dnxhd -s 1280x720 -pix_fmt yuv422p -b:v 90M", "mxf", "dnxhd"},
      {"a.dv", "-s 720x576 -pix_fmt yuv420p", "dv", "dvvideo"},
      {"a.flv", "-c:v flv -q:v 2 -g 10", "flv", "flv1"},
      {"a.3gp", "-c:v h263 -s 176x144 -q:v 2 -g 10", "mp4", "h263"},
      {"a.y4m", "-pix_fmt yuv420p", "yuv4mpegpipe", "rawvideo"},
      {"a.nut", "-c:v ffv1", "nut", "ffv1"},
      {"a.ivf", "-c:v libvpx -g 10 -b:v 1M -auto-alt-ref 0", "ivf", "vp8"},
      {"a.mjpeg", "-c:v mjpeg -q:v 2 -pix_fmt yuvj420p -f mjpeg", "mjpeg", "mjpeg"},
      {"a.gxf", "-c:v mpeg2video -s 720x576 -g 10 -bf 0 -q:v 2", "gxf", "mpeg2video"},
      {"a.wtv", "-c:v mpeg2video -g 10 -bf 0 -q:v 2", "wtv", "mpeg2video"},
      {"a.mov", "-c:v prores", "mov", "prores"},
      {"b.mov", "-c:v jpeg2000 -q:v 2", "mov", "jpeg2000"},
      {"c.mov", "-c:v cfhd -s 256x128 -pix_fmt yuv422p10", "mov", "cfhd"},
      {"d.mov", "-c:v qtrle -pix_fmt rgb24", "mov", "qtrle"},
      {"e.mov", "-c:v tiff -pix_fmt rgb24", "mov", "tiff"},
      {"f.mov", "-c:v speedhq -q:v 2", "mov", "speedhq"},
      {"a.mkv", "-c:v vc2 -pix_fmt yuv422p", "matroska", "dirac"},
      {"e.avi", "-c:v snow -q:v 2 -g 10", "avi", "snow"},
      {"a.avi", "-c:v huffyuv -pix_fmt yuv422p", "avi", "huffyuv"},
      {"b.avi", "-c:v dvvideo -s 720x576 -pix_fmt yuv420p", "avi", "dvvideo"},
      {"c.avi", "-c:v utvideo -pix_fmt yuv420p", "avi", "utvideo"},
      {"d.avi", "-c:v cinepak -g 10", "avi", "cinepak"},
      {"a.rm", "-c:v rv20 -s 176x144 -q:v 2 -g 10", "rm", "rv20"},
  };
  for (const ContainerKind& kind : kinds) expect_read(kind);
  start_decode_sandbox();
  for (const ContainerKind& kind : kinds) expect_read(kind);
}

// Raw streams have no clock: their own timing says the rate, else it is 25.
TEST_F(ContainerTest, ElementaryStreamsRunAtTheirOwnRate) {
  struct Raw {
    const char* name;
    const char* rate;
    const char* arguments;
  };
  for (const Raw& raw : {Raw{"a.h264", "25", "-c:v libx264 -g 10 -pix_fmt yuv420p"},
                         Raw{"b.264", "30000/1001", "-c:v libx264 -g 10 -pix_fmt yuv420p"},
                         Raw{"c.h264", "10", "-c:v libx264 -bf 0 -g 10 -pix_fmt yuv420p"},
                         Raw{"a.hevc", "10", "-c:v libx265 -x265-params log-level=none -g 10"},
                         Raw{"b.265", "50", "-c:v libx265 -x265-params log-level=none:bframes=0"},
                         Raw{"a.m2v", "25", "-c:v mpeg2video -q:v 2 -bf 2 -g 10"},
                         Raw{"a.m4v", "25", "-c:v mpeg4 -q:v 2 -bf 2 -g 10 -f m4v"}}) {
    const auto path = make(raw.name, 30, raw.rate, raw.arguments);
    const VideoInfo info = probe(path);
    const std::string rate = raw.rate;
    const double expected = rate == "30000/1001" ? 30000 / 1001.0 : std::stod(rate);
    ASSERT_EQ(info.frame_count, 30) << raw.name;
    EXPECT_FALSE(info.variable_rate) << raw.name;
    EXPECT_NEAR(info.frame_rate.value(), expected, 1e-6) << raw.name;
    EXPECT_NEAR(info.duration, 30 / expected, 0.01) << raw.name;
    EXPECT_EQ(info.start_time, 0) << raw.name;
    expect_numbers(path, info, samples(10));
  }
}

// What cannot be decoded is called by its name, also where the library has none for it.
TEST_F(ContainerTest, AnUnknownCodecIsNamed) {
  for (const auto& [name, known, other, wanted] : std::vector<std::array<const char*, 4>>{
           {"a.mp4", "avc1", "xyz9", "xyz9"},
           {"a.mkv", "V_MPEG4/ISO/AVC", "V_MPEGI/ISO/XYZ", "V_MPEGI/ISO/XYZ"}}) {
    std::string bytes = read_file(make(name, 10, "25", kInOrder), 1 << 24);
    const std::string from = known;
    ASSERT_NE(bytes.rfind(from), std::string::npos);  // the first one may be a brand of the file
    bytes.replace(bytes.rfind(from), from.size(), other);
    const auto path = write(std::string("other-") + name, bytes);
    const Error error = error_of([&] { probe(path); });
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << name;
    EXPECT_THAT(error.message(), ::testing::HasSubstr(wanted)) << name;
  }
}

class EncryptionTest : public SandboxTest {
 protected:
  void expect_refused(const std::filesystem::path& path) {
    for (const bool sandboxed : {false, true}) {
      sandboxed ? start_decode_sandbox() : stop_decode_sandbox();
      const Error error = error_of([&] { probe(path); });
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << path;
      EXPECT_THAT(error.message(), ::testing::HasSubstr("encrypted")) << path;
      EXPECT_FALSE(error.hint().empty());
    }
  }
  // The file with every `from` replaced by `to`, of the same length.
  std::filesystem::path replaced(const std::filesystem::path& path, const std::string& name,
                                 const std::string& from, const std::string& to) {
    std::string bytes = read_file(path, 1 << 24);
    size_t count = 0;
    for (size_t at = 0; (at = bytes.find(from, at)) != std::string::npos; ++count) {
      bytes.replace(at, from.size(), to);
    }
    EXPECT_GT(count, 0u) << name;
    return write(name, bytes);
  }
};

constexpr const char* kCenc =
    " -encryption_scheme cenc-aes-ctr -encryption_key 76a6c65c5ea762046bd749a2e632ccbb "
    "-encryption_kid a7e61c373e219033c21091fa607bf3b8";

TEST_F(EncryptionTest, Mp4) {
  const auto whole = make("whole.mp4", 30, "25", std::string(kInOrder) + kCenc);
  expect_refused(whole);
  const auto parts = make("parts.mp4", 30, "25",
                          std::string(kInOrder) + kCenc + " -movflags frag_keyframe+empty_moov");
  expect_refused(parts);
  // Another scheme, whose samples carry no side data that libavformat reads.
  const auto cbcs = replaced(parts, "cbcs.mp4", "cenc", "cbcs");
  expect_refused(replaced(cbcs, "bare.mp4", "senc", "free"));
}

TEST_F(EncryptionTest, TransportAndProgramStreams) {
  const auto clear = make("a.ts", 30, "25", kInOrder);
  std::string bytes = read_file(clear, 1 << 24);
  for (size_t at = 0; at + 188 <= bytes.size(); at += 188) {
    const int pid = (bytes[at + 1] & 0x1f) << 8 | static_cast<uint8_t>(bytes[at + 2]);
    if (pid != 0x100) continue;
    bytes[at + 3] = static_cast<char>(bytes[at + 3] | 0x80);
    for (size_t i = at + 30; i < at + 188; ++i) bytes[i] = static_cast<char>(bytes[i] ^ 0x5a);
  }
  expect_refused(write("scrambled.ts", bytes));

  const auto disc = make("a.vob", 30, "25", "-c:v mpeg2video -q:v 2 -f vob");
  bytes = read_file(disc, 1 << 24);
  for (size_t at = 0; (at = bytes.find(std::string("\0\0\1\xe0", 4), at)) != std::string::npos;
       ++at) {
    bytes[at + 6] = static_cast<char>(bytes[at + 6] | 0x10);
  }
  expect_refused(write("css.vob", bytes));
}

// A ContentEncodings of type 1 in place of the empty element that stands in the track entry.
TEST_F(EncryptionTest, Matroska) {
  const auto clear = make("a.mkv", 30, "25",
                          std::string(kInOrder) + " -metadata:s:v title=" + std::string(40, 'x'));
  std::string bytes = read_file(clear, 1 << 24);
  // Name (0x536E) of the track, 40 bytes: its element gives its room.
  const size_t name = bytes.find("\x53\x6e");
  ASSERT_NE(name, std::string::npos);
  const size_t room = 3 + 40 + (static_cast<uint8_t>(bytes[name + 2]) & 0x80 ? 0 : 7);
  std::string encodings("\x6d\x80\x8e\x62\x40\x8b\x50\x33\x81\x01\x50\x35\x84\x47\xe1\x81\x05", 17);
  encodings += std::string("\xec", 1) + static_cast<char>(0x80 | (room - encodings.size() - 2));
  bytes.replace(name, encodings.size(), encodings);
  expect_refused(write("drm.mkv", bytes));
}

std::string little_endian(uint64_t value, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string asf_object(const std::string& id, const std::string& content) {
  return id + little_endian(id.size() + 8 + content.size(), 8) + content;
}

TEST_F(EncryptionTest, Asf) {
  const std::string classic("\xfb\xb3\x11\x22\x23\xbd\xd2\x11\xb4\xb7\x00\xa0\xc9\x55\xfc\x6e", 16);
  const std::string extended("\x14\xe6\x8a\x29\x22\x26\x17\x4c\xb9\x35\xda\xe0\x7e\xe9\x28\x9c",
                             16);
  const std::string advanced("\x33\x85\x05\x43\x81\x69\xe6\x49\x9b\x74\xad\x12\xcb\x86\xd5\x8c",
                             16);
  const std::string extension("\xb5\x03\xbf\x5f\x2e\xa9\xcf\x11\x8e\xe3\x00\xc0\x0c\x20\x53\x65",
                              16);
  const std::string padding("\x74\xd4\x06\x18\xdf\xca\x09\x45\xa4\xba\x9a\xab\xcb\x96\xaa\xe8", 16);
  const std::string whole = read_file(make("a.wmv", 30, "25", "-c:v wmv2 -g 10"), 1 << 24);
  // The file with one more object in its header.
  const auto with = [&](const std::string& name, const std::string& object) {
    constexpr size_t kLengthAt = 16, kCountAt = 24, kFirstAt = 30;
    uint64_t length = 0;
    for (size_t i = kLengthAt + 8; i-- > kLengthAt;) {
      length = length << 8 | static_cast<uint8_t>(whole[i]);
    }
    std::string bytes = whole;
    bytes.replace(kLengthAt, 8, little_endian(length + object.size(), 8));
    ++bytes[kCountAt];
    bytes.insert(kFirstAt, object);
    return write(name, bytes);
  };
  const std::string empty(32, '\0');
  EXPECT_EQ(probe(with("clear.wmv", asf_object(padding, empty))).frame_count, 30);
  expect_refused(with("classic.wmv", asf_object(classic, empty)));
  expect_refused(
      with("extended.wmv", asf_object(extended, little_endian(28, 4) + empty.substr(4))));
  const std::string inner = asf_object(advanced, empty);
  expect_refused(
      with("advanced.wmv",
           asf_object(extension, std::string(18, '\0') + little_endian(inner.size(), 4) + inner)));
}

}  // namespace
}  // namespace shijian::video
