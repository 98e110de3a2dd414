// The sound of clips, whatever the video's sound is encoded with: it is there, and in its place.
#include <fcntl.h>

#include <cmath>
#include <cstring>

#include "base/file.h"
#include "video/clip.h"
#include "video/test_video.h"

namespace shijian::video {
namespace {

namespace fs = std::filesystem;

class SoundOfClips : public TestVideos {
 protected:
  // A beep of 50 ms at each whole second.
  static constexpr const char* kBeeps =
      "-f lavfi -i \"aevalsrc='0.6*sin(2*PI*1000*t)*lt(mod(t,1),0.05)':d=10:s=48000\"";
  static constexpr const char* kH264 =
      "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 30 -bf 2 ";

  fs::path cut(const fs::path& video, const std::vector<ClipSpan>& parts, ClipMode mode) {
    const fs::path clip = dir_ / "clip.mp4";
    const Descriptor output(::open(clip.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    result_ = write_clip(video, parts, mode, output);
    return clip;
  }
  // Seconds of the clip at which something is heard after silence.
  std::vector<double> beeps(const fs::path& clip) {
    constexpr int kRate = 48000;
    const fs::path raw = dir_ / "sound.raw";
    run(
        fmt::format("ffmpeg -y -nostdin -v error -i {} -vn -ac 1 -ar {} -af "
                    "aresample=async=1:first_pts=0 -f f32le {}",
                    clip.string(), kRate, raw.string()));
    const std::string bytes = read_file(raw, size_t{1} << 26);
    std::vector<double> found;
    int64_t heard = -kRate;
    for (int64_t i = 0; i < std::ssize(bytes) / 4; ++i) {
      float sample = 0;
      std::memcpy(&sample, bytes.data() + i * 4, 4);
      if (std::abs(sample) < 0.1) continue;
      if (i - heard > kRate / 5) found.push_back(static_cast<double>(i) / kRate);
      heard = i;
    }
    return found;
  }
  // Beeps of the source that lie in a part, from the part's beginning.
  void expect_beeps(const fs::path& clip, const std::vector<double>& wanted, double within,
                    const std::string& of) {
    const std::vector<double> found = beeps(clip);
    ASSERT_GE(found.size(), wanted.size()) << of;
    for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], wanted[i], within) << of;
  }

  ClipResult result_;
};

TEST_F(SoundOfClips, IsKeptWhateverItsCodec) {
  struct Source {
    const char* file;
    const char* codecs;
    SoundState fast;
  };
  const std::vector<Source> sources = {
      {"adts.ts", "-c:a aac", SoundState::kCopied},
      {"latm.ts", "-c:a aac -f mpegts -mpegts_flags latm", SoundState::kEncoded},
      {"ac3.ts", "-c:a ac3", SoundState::kCopied},
      {"eac3.ts", "-c:a eac3", SoundState::kCopied},
      {"opus.ts", "-c:a libopus", SoundState::kCopied},
      {"mp2.ts", "-c:a mp2", SoundState::kEncoded},
      {"mp3.ts", "-c:a libmp3lame", SoundState::kCopied},
      {"dts.ts", "-c:a dca -strict -2 -ac 2", SoundState::kEncoded},
      {"s302m.ts", "-c:a s302m -strict -2 -ac 2", SoundState::kEncoded},
      {"truehd.mkv", "-c:a truehd -strict -2", SoundState::kEncoded},
      {"tta.mkv", "-c:a tta", SoundState::kEncoded},
      {"wavpack.mkv", "-c:a wavpack", SoundState::kEncoded},
      {"vorbis.mkv", "-c:a libvorbis", SoundState::kEncoded},
      {"flac.mkv", "-c:a flac", SoundState::kCopied},
      {"alac.mov", "-c:a alac", SoundState::kCopied},
      {"wma2.mkv", "-c:a wmav2", SoundState::kEncoded},
      {"pcm.mov", "-c:a pcm_s24be", SoundState::kEncoded},
      {"ulaw.mov", "-c:a pcm_mulaw", SoundState::kEncoded},
      {"ima.mov", "-c:a adpcm_ima_qt", SoundState::kEncoded},
      {"ms.avi", "-c:v mjpeg -pix_fmt yuvj420p -c:a adpcm_ms", SoundState::kEncoded},
      {"wav.avi", "-c:v mjpeg -pix_fmt yuvj420p -c:a adpcm_ima_wav", SoundState::kEncoded},
  };
  for (const Source& source : sources) {
    const bool avi = std::string_view(source.file).ends_with(".avi");
    const fs::path video =
        make(source.file, 100, "10", std::string(avi ? "" : kH264) + source.codecs, kBeeps);
    // The times of the source's own beeps, as its container has them.
    const std::vector<double> there = beeps(video);
    ASSERT_GE(there.size(), 7u) << source.file;
    for (const ClipMode mode : {ClipMode::kExact, ClipMode::kFast}) {
      const std::string of =
          fmt::format("{} {}", source.file, mode == ClipMode::kExact ? "exact" : "fast");
      const fs::path clip = cut(video, {{3.33, 6.05}}, mode);
      EXPECT_NEAR(result_.parts[0].from, 3.33, 1e-9) << of;
      EXPECT_EQ(result_.sound.state, mode == ClipMode::kExact ? SoundState::kEncoded : source.fast)
          << of;
      EXPECT_EQ(result_.sound.reason, "") << of;
      // Some encoders delay the sound by up to 45 ms, and their containers do not say so.
      EXPECT_NEAR(there[4], 4, 0.045) << of;
      expect_beeps(clip, {there[4] - 3.33, there[5] - 3.33, there[6] - 3.33}, 0.012, of);
    }
  }
}

TEST_F(SoundOfClips, KeepsItsPlaceToTheSample) {
  // Sound whose times the container has in samples, so that nothing is rounded.
  const fs::path video = make("pcm.mov", 100, "10", std::string(kH264) + "-c:a pcm_s16le", kBeeps);
  const fs::path clip = cut(video, {{3.33, 6.05}}, ClipMode::kExact);
  const std::vector<double> found = beeps(clip);
  ASSERT_EQ(found.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    // AAC smears the beginning of a beep over some samples.
    EXPECT_NEAR(found[i], 0.67 + static_cast<double>(i), 0.002);
  }
  // Many parts: rounding does not add up.
  std::vector<ClipSpan> parts;
  for (int i = 0; i < 30; ++i) parts.push_back({4.8777, 5.2111});
  const std::vector<double> many = beeps(cut(video, parts, ClipMode::kExact));
  ASSERT_EQ(many.size(), 30u);
  for (size_t i = 0; i < 30; ++i) {
    EXPECT_NEAR(many[i], 0.1223 + static_cast<double>(i) * 0.3334, 0.002);
  }
}

// AVI counts sound by the packet.
TEST_F(SoundOfClips, CopiedPacketsKeepTheirPlace) {
  for (const char* name : {"ac3.avi", "ac3.mp4"}) {
    const fs::path video = make(name, 100, "10", "-c:v mjpeg -pix_fmt yuvj420p -c:a ac3", kBeeps);
    const std::vector<double> there = beeps(video);
    ASSERT_GE(there.size(), 7u);
    for (const double from : {3.312, 3.318, 3.324, 3.33}) {
      const fs::path clip = cut(video, {{from, 6.05}}, ClipMode::kFast);
      EXPECT_EQ(result_.sound.state, SoundState::kCopied);
      expect_beeps(clip, {there[4] - from, there[5] - from}, 0.002,
                   fmt::format("{} from {}", name, from));
    }
  }
}

TEST_F(SoundOfClips, IsNeverMissingInSilence) {
  cut(make("silent.mp4", 100, "10", kH264), {{3, 4}}, ClipMode::kExact);
  EXPECT_EQ(result_.sound.state, SoundState::kAbsent);
  // A track whose codec nobody knows.
  const fs::path video = make("a.mov", 100, "10", std::string(kH264) + "-c:a pcm_s16le", kBeeps);
  std::string bytes = read_file(video, size_t{1} << 26);
  const size_t tag = bytes.find("sowt");
  ASSERT_NE(tag, std::string::npos);
  bytes.replace(tag, 4, "Qclq");  // Qualcomm PureVoice, for which there is no decoder in the list
  const fs::path unknown = write("unknown.mov", bytes);
  for (const ClipMode mode : {ClipMode::kExact, ClipMode::kFast}) {
    const fs::path clip = cut(unknown, {{3, 4}}, mode);
    EXPECT_EQ(result_.sound.state, SoundState::kLost);
    EXPECT_NE(result_.sound.codec, "");
    EXPECT_NE(result_.sound.reason, "");
    EXPECT_NEAR(probe(clip).duration, 1, 0.4);
  }
}

// The second file's clock starts over; its sound goes with its pictures.
TEST_F(SoundOfClips, FollowsTheClockThroughAJoin) {
  std::string bytes;
  for (const char* name : {"a.ts", "b.ts"}) {
    bytes += read_file(
        make(name, 50, "10", fmt::format("-map 0 -map 1 {} -c:a aac -t 5", kH264), kBeeps),
        size_t{1} << 26);
  }
  const fs::path joined = write("joined.ts", bytes);
  for (const double from : {0.5, 3.5, 5.5}) {
    const fs::path clip = cut(joined, {{from, from + 3}}, ClipMode::kExact);
    EXPECT_EQ(result_.sound.state, SoundState::kEncoded);
    expect_beeps(clip, {0.5, 1.5, 2.5}, 0.08, fmt::format("from {}", from));
  }
  // The encoder's delay is the same on either side, whatever the first file's sound is longer.
  const std::vector<double> found = beeps(cut(joined, {{3.5, 8.5}}, ClipMode::kExact));
  ASSERT_GE(found.size(), 5u);
  EXPECT_NEAR(found[2] - found[0], 2, 0.002);
}

// The second half of a broadcast has its sound as another stream, of another codec.
TEST_F(SoundOfClips, GoesOnAsAnotherStream) {
  for (const char* second : {"", "-output_ts_offset 4.7"}) {  // the clock starts over, or goes on
    std::string bytes;
    for (const std::string& codecs :
         {std::string("-c:a mp2"), fmt::format("-c:a ac3 -streamid 1:600 {}", second)}) {
      bytes += read_file(make("half.ts", 47, "10", kH264 + codecs + " -af atrim=0:4.7", kBeeps),
                         size_t{1} << 26);
    }
    const fs::path joined = write("joined.ts", bytes);
    for (const double from : {3.2, 6.2}) {
      const fs::path clip = cut(joined, {{from, from + 3}}, ClipMode::kExact);
      EXPECT_EQ(result_.sound.state, SoundState::kEncoded);
      const std::string of = fmt::format("{} from {}", second, from);
      expect_beeps(clip, from < 4 ? std::vector{0.8, 1.5, 2.5} : std::vector{0.5, 1.5, 2.5}, 0.06,
                   of);
    }
  }
  // A stream that lay beside it is another language.
  const fs::path two =
      make("two.ts", 100, "10", fmt::format("-map 0 -map 1 -map 2 {} -c:a mp2", kH264),
           fmt::format("-t 5 {} {}", kBeeps, kBeeps));
  EXPECT_EQ(beeps(cut(two, {{3.5, 8.5}}, ClipMode::kExact)).size(), 1u);
}

// Files of 4.7 s are joined whose sound is shorter or longer than their pictures, or missing.
TEST_F(SoundOfClips, GoesWithThePicturesOfItsFile) {
  for (const std::string end : {".ts", ".flv"}) {
    const std::string codecs =
        std::string(kH264) + "-ar 44100 -c:a " + (end == ".ts" ? "mp2 " : "libmp3lame ");
    const auto file = [&](const std::string& name, const char* sound) {
      const std::string bytes =
          read_file(make(name + end, 47, "10", codecs + sound, kBeeps), size_t{1} << 26);
      return name == "first" || end == ".ts" ? bytes : bytes.substr(13);  // FLV's header
    };
    const std::string next = file("next", "-t 4.7");
    const auto expect = [&](const std::string& first, double from, double to,
                            const std::vector<double>& wanted) {
      const fs::path clip =
          cut(write("joined" + end, first + next), {{from, to}}, ClipMode::kExact);
      EXPECT_EQ(result_.sound.state, SoundState::kEncoded);
      expect_beeps(clip, wanted, 0.06, fmt::format("{} from {}", end, from));
      EXPECT_EQ(beeps(clip).size(), wanted.size()) << end << " from " << from;
    };
    const std::string ends_early = file("first", "-af atrim=0:2.2");
    expect(ends_early, 1.5, 7.5, {0.5, 3.2, 4.2, 5.2});
    expect(ends_early, 5.0, 8.0, {0.7, 1.7, 2.7});
    const std::string ends_late = file("first", "-af atrim=0:8.2");
    expect(ends_late, 3.2, 7.6, {0.8, 1.5, 2.5, 3.5});
    const std::string silent_between = file("first", "-t 4.7") + file("silent", "-an");
    expect(silent_between, 3.2, 12.2, {0.8, 6.2, 7.2, 8.2});
    expect(silent_between, 10.0, 13.0, {0.4, 1.4, 2.4});
  }
}

}  // namespace
}  // namespace shijian::video
