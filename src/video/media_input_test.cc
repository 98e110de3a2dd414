// Files that are no videos, and files that try to make us open something else.
#include "video/media_input.h"

#include <sys/stat.h>
#include <unistd.h>

#include <random>

#include "base/file.h"
#include "video/test_video.h"

namespace shijian::video {
namespace {

class BadInputTest : public TestVideos {
 protected:
  // probe() fails with `code`, in one line that names the file and says a way out.
  void expect_error(const std::filesystem::path& path, ErrorCode code, std::string_view word) {
    try {
      probe(path);
      ADD_FAILURE() << path << " was accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), code) << e.message();
      EXPECT_NE(e.message().find(word), std::string::npos) << e.message();
      EXPECT_NE(e.message().find(path.filename().string()), std::string::npos) << e.message();
      EXPECT_EQ(e.message().find('\n'), std::string::npos);
      EXPECT_FALSE(e.hint().empty()) << e.message();
    }
  }
};

TEST_F(BadInputTest, FilesThatAreNone) {
  expect_error(dir_ / "missing.mp4", ErrorCode::kNotFound, "No such file");
  expect_error(write("empty.mp4", ""), ErrorCode::kInvalid, "empty");
  expect_error(dir_, ErrorCode::kInvalid, "directory");
  const auto fifo = dir_ / "fifo.mp4";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  expect_error(fifo, ErrorCode::kInvalid, "FIFO");
  expect_error("-", ErrorCode::kNotFound, "-");
  expect_error("http://127.0.0.1/a.mp4", ErrorCode::kNotFound, "a.mp4");
  expect_error("concat:a.mp4", ErrorCode::kNotFound, "a.mp4");
}

TEST_F(BadInputTest, NoPermission) {
  const auto path = write("secret.mp4", "x");
  std::filesystem::permissions(path, std::filesystem::perms::none);
  const bool root = ::geteuid() == 0;
  ASSERT_EQ(root ? ::seteuid(65534) : 0, 0);
  expect_error(path, ErrorCode::kPermission, "Permission denied");
  ASSERT_EQ(root ? ::seteuid(0) : 0, 0);
}

TEST_F(BadInputTest, FilesOfOtherKinds) {
  expect_error(write("text.mp4", "This is no video, only words.\n"), ErrorCode::kInvalid, "format");
  expect_error(write("zeros.mp4", std::string(100000, 0)), ErrorCode::kInvalid, "format");
  const auto audio = dir_ / "audio.mp4";
  run("ffmpeg -nostdin -v error -f lavfi -i sine=duration=1 -c:a aac " + audio.string());
  expect_error(audio, ErrorCode::kInvalid, "no video track (tracks: audio)");
  const auto picture = dir_ / "picture.mp4";
  run("ffmpeg -nostdin -v error -f lavfi -i color=red -frames:v 1 -f image2 -c:v png " +
      picture.string());
  expect_error(picture, ErrorCode::kInvalid, "png");
  const auto cover = dir_ / "cover.mp4";  // music with a picture of its sleeve
  run("ffmpeg -nostdin -v error -i " + audio.string() + " -f png_pipe -i " + picture.string() +
      " -map 0 -map 1 -c copy -disposition:v attached_pic " + cover.string());
  expect_error(cover, ErrorCode::kInvalid, "no video track");
}

TEST_F(BadInputTest, TruncatedBeforeItsIndex) {
  const auto path = make("a.mp4", 30, "25", "-c:v mpeg4");
  const std::string bytes = read_file(path, 1 << 24);
  expect_error(write("head.mp4", bytes.substr(0, bytes.size() / 2)), ErrorCode::kInvalid,
               "moov atom not found");
  expect_error(write("few.mp4", bytes.substr(0, 24)), ErrorCode::kInvalid, "few.mp4");
  const std::string mkv = read_file(make("a.mkv", 30, "25", "-c:v mpeg4"), 1 << 24);
  const size_t tracks = mkv.rfind("\x16\x54\xae\x6b");
  ASSERT_NE(tracks, std::string::npos);
  expect_error(write("head.mkv", mkv.substr(0, tracks + 40)), ErrorCode::kInvalid,
               "its header is damaged or cut short");
}

TEST_F(BadInputTest, PlaylistsOpenNothingElse) {
  const auto real = make("real.mp4", 10, "25", "-c:v mpeg4");
  const auto segment = make("real.ts", 10, "25", "-c:v mpeg2video");
  const std::string name = real.string();
  expect_error(write("list.mp4", "ffconcat version 1.0\nfile '" + name + "'\n"),
               ErrorCode::kInvalid, "concat");
  expect_error(write("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n" +
                                      segment.string() + "\n#EXT-X-ENDLIST\n"),
               ErrorCode::kInvalid, "hls");
  expect_error(write("a.sdp",
                     "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
                     "m=video 9 RTP/AVP 96\n"),
               ErrorCode::kInvalid, "a.sdp");
  expect_error(write("a.mpd",
                     "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" "
                     "type=\"static\"><Period></Period></MPD>"),
               ErrorCode::kInvalid, "a.mpd");
  // A pattern that image2 would expand is only a name here.
  expect_error(dir_ / "frame%03d.png", ErrorCode::kNotFound, "No such file");
  // And a video under a playlist's name is a video.
  std::filesystem::copy(real, dir_ / "video.m3u8");
  EXPECT_EQ(probe(dir_ / "video.m3u8").frame_count, 10);
}

TEST_F(BadInputTest, AbsurdSizesAreRefusedBeforeDecoding) {
  const auto wide = dir_ / "wide.avi";
  run("ffmpeg -nostdin -v error -f lavfi -i color=red:s=20000x16:d=0.04 -c:v mjpeg "
      "-pix_fmt yuvj420p " +
      wide.string());
  expect_error(wide, ErrorCode::kUnsupported, "20000x16");
}

TEST_F(BadInputTest, ALineBreakInANameStaysOneLine) {
  try {
    probe(write("two\nlines.mp4", ""));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.message().find('\n'), std::string::npos) << e.message();
  }
}

// Flipped bytes and cut ends: an answer or an Error, never a crash or a hang.
TEST_F(BadInputTest, DamagedFilesNeverCrash) {
  std::mt19937 random(5);
  int answers = 0;
  for (const char* name : {"a.mp4", "a.mkv", "a.avi"}) {
    const auto path = make(name, 8, "25", "-c:v mpeg4 -g 4 -q:v 20");
    const std::string good = read_file(path, 1 << 24);
    for (int round = 0; round < 60; ++round) {
      std::string bytes = good;
      // The headers matter most: they are at the front, in MP4 at the end as well.
      for (int k = 0; k < 1 + round % 6; ++k) {
        size_t at =
            random() % (round % 2 == 0 ? std::min<size_t>(600, bytes.size()) : bytes.size());
        if (round % 4 == 1) at = bytes.size() - 1 - random() % std::min<size_t>(900, bytes.size());
        bytes[at] = static_cast<char>(random());
      }
      if (round % 5 == 0) bytes.resize(random() % bytes.size());
      const auto bad = write("bad", bytes);
      try {
        const VideoInfo info = probe(bad);
        const FramePlan plan = plan_frames(info, samples(4), {});
        answers += !decode_frames(bad, info, plan, {}, pool_).shown.empty();
      } catch (const Error& e) {
        EXPECT_NE(e.code(), ErrorCode::kInternal);
        EXPECT_EQ(e.message().find('\n'), std::string::npos) << e.message();
      }
    }
  }
  EXPECT_GT(answers, 30);
}

TEST(Libav, SaysWhatIsWrongAndNotWhatItsOwnProgramWouldDo) {
  silence_libav();
  const auto said = [](const char* line) {
    av_log(nullptr, AV_LOG_WARNING, "%s\n", line);
    return libav_log();
  };
  EXPECT_EQ(said("truehd in MP4 support is experimental, add '-strict -2' if you want to use it."),
            "truehd in MP4 support is experimental");
  EXPECT_EQ(said("Could not find codec parameters for stream 0 (Video: none): unknown codec\n"
                 "Consider increasing the value for the 'analyzeduration' option"),
            "Could not find codec parameters for stream 0 (Video: none): unknown codec");
  EXPECT_EQ(
      said("Tiles are not implemented. Update your FFmpeg version to the newest one from Git."),
      "Tiles are not implemented");
  // Advice alone does not take the place of the reason before it.
  EXPECT_EQ(said("If you want to help, upload a sample of this file to https://example.org"),
            "Tiles are not implemented");
}

}  // namespace
}  // namespace shijian::video
