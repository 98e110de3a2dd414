#include "video/clip.h"

#include <fcntl.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "video/test_video.h"

namespace shijian::video {
namespace {

class Clip : public TestVideos {
 protected:
  // A tone whose pitch changes at second 1, so that the sound's place can be told.
  static constexpr const char* kSound =
      "-f lavfi -i \"aevalsrc='0.5*sin(2*PI*t*if(lt(t,1),400,2000))':d=4:s=44100\"";
  static constexpr const char* kH264 =
      "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 20 -c:a aac";

  std::filesystem::path cut(const std::filesystem::path& video, double from, double to,
                            ClipMode mode) {
    const std::filesystem::path clip = dir_ / "clip.mp4";
    result_ = write_clip(video, {{from, to}}, mode, open(clip));
    span_ = result_.parts.front();
    return clip;
  }
  static Descriptor open(const std::filesystem::path& clip) {
    return Descriptor(::open(clip.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  }
  // The numbers that its frames show.
  std::vector<int> numbers(const std::filesystem::path& clip, const VideoInfo& info) {
    FramePlan plan;
    plan.height = info.height;
    plan.width = info.width;
    for (int64_t i = 0; i < info.frame_count; ++i) {
      plan.indices.push_back(i);
      plan.times.push_back(info.frame_time(i));
    }
    const Frames frames = decode_frames(clip, info, plan, {}, pool_);
    std::vector<int> found;
    for (int64_t i = 0; i < info.frame_count; ++i) found.push_back(number(frames.rgb, i));
    return found;
  }
  static std::vector<int> range(int first, int end) {
    std::vector<int> all;
    for (int i = first; i < end; ++i) all.push_back(i);
    return all;
  }
  // Sign changes a second of the clip's sound in [from, to).
  double pitch(const std::filesystem::path& clip, double from, double to) {
    const std::filesystem::path raw = dir_ / "sound.raw";
    run(fmt::format("ffmpeg -y -nostdin -v error -i {} -vn -ac 1 -ar 8000 -f s16le {}",
                    clip.string(), raw.string()));
    const std::string bytes = read_file(raw, size_t{1} << 24);
    const auto* samples = reinterpret_cast<const int16_t*>(bytes.data());
    const auto count = static_cast<int64_t>(bytes.size() / 2);
    int changes = 0;
    const int64_t begin = std::llround(from * 8000), end = std::llround(to * 8000);
    EXPECT_LE(end, count);
    for (int64_t i = begin + 1; i < std::min(end, count); ++i) {
      changes += (samples[i] < 0) != (samples[i - 1] < 0);
    }
    return changes / (to - from);
  }

  ClipResult result_;
  ClipSpan span_;  // its first part
};

TEST_F(Clip, ExactBeginsAndEndsWhereItShall) {
  const auto video = make("a.mp4", 100, "25", kH264, kSound);
  const auto clip = cut(video, 0.6, 2.2, ClipMode::kExact);
  EXPECT_DOUBLE_EQ(span_.from, 0.6);
  EXPECT_DOUBLE_EQ(span_.to, 2.2);
  const VideoInfo info = probe(clip);
  EXPECT_EQ(info.codec, "h264");
  EXPECT_EQ(numbers(clip, info), range(15, 55));
  EXPECT_NEAR(info.start_time, 0, 0.001);
  EXPECT_NEAR(info.duration, 1.6, 0.001);
  EXPECT_FALSE(info.variable_rate);
  // The pitch changes 0.4 s into the clip.
  EXPECT_NEAR(pitch(clip, 0.02, 0.38), 800, 40);
  EXPECT_NEAR(pitch(clip, 0.42, 1.55), 4000, 40);
  const std::string bytes = read_file(clip, size_t{1} << 24);
  EXPECT_LT(bytes.find("moov"), bytes.find("mdat"));
  // The same part again is the same file.
  cut(video, 0.6, 2.2, ClipMode::kExact);
  EXPECT_EQ(read_file(clip, size_t{1} << 24), bytes);
}

TEST_F(Clip, ExactBeginsWithTheFrameOnScreen) {
  const auto video = make("a.mkv", 50, "25", kH264);
  const auto clip = cut(video, 0.51, 0.59, ClipMode::kExact);
  const VideoInfo info = probe(clip);
  EXPECT_EQ(numbers(clip, info), range(12, 15));  // shown from 0.48, 0.52 and 0.56
  EXPECT_NEAR(info.frame_time(1), 0.01, 0.001);
  EXPECT_NEAR(info.duration, 0.08, 0.001);
  // Thousandths, as people are shown them, mean the frame that they were taken from.
  const auto thirds = make("b.mp4", 60, "30", kH264);
  const auto one = cut(thirds, 1.033, 1.067, ClipMode::kExact);
  EXPECT_EQ(numbers(one, probe(one)), range(31, 32));
}

TEST_F(Clip, KeepsVariableTimesAndRotation) {
  // Every third frame is missing, and the picture is turned.
  const auto steady = make("steady.mp4", 60, "30",
                           "-vf \"select='mod(n,3)'\" -vsync vfr -c:v libx264 -bf 2 -g 12 "
                           "-preset ultrafast -pix_fmt yuv420p");
  const auto video = copy(steady, "turned.mp4", "-metadata:s:v:0 rotate=90");
  const VideoInfo source = probe(video);
  ASSERT_TRUE(source.variable_rate);
  ASSERT_NE(source.rotation, 0);
  for (const ClipMode mode : {ClipMode::kExact, ClipMode::kFast}) {
    const VideoInfo info = probe(cut(video, 0.5, 1.5, mode));
    EXPECT_EQ(info.rotation, source.rotation);
    EXPECT_TRUE(info.variable_rate);
    const int64_t first = source.frame_at(span_.from);
    for (int64_t i = 1; i < info.frame_count; ++i) {
      EXPECT_NEAR(info.frame_time(i) + span_.from, source.frame_time(first + i), 0.001);
    }
    EXPECT_NEAR(info.duration, span_.to - span_.from, 0.034);
  }
}

TEST_F(Clip, FastBeginsWhereItShallToo) {
  const auto video =
      make("a.mp4", 100, "25",
           "-c:v libx264 -preset veryfast -bf 2 -sc_threshold 0 -pix_fmt yuv420p -g 20 -c:a aac",
           kSound);
  const auto clip = cut(video, 0.91, 2.2, ClipMode::kFast);
  EXPECT_DOUBLE_EQ(span_.from, 0.91);
  EXPECT_GE(span_.to, 2.2);
  EXPECT_LE(span_.to, 2.44);
  EXPECT_EQ(result_.sound.state, SoundState::kCopied);
  EXPECT_EQ(result_.sound.codec, "aac");
  const VideoInfo info = probe(clip);
  const std::vector<int> shown = numbers(clip, info);
  EXPECT_EQ(shown.front(), 22);  // the packets begin at 20, an edit list hides two of them
  EXPECT_TRUE(std::is_sorted(shown.begin(), shown.end()));
  EXPECT_NEAR(info.frame_time(1), 0.01, 0.001);
  EXPECT_NEAR(info.duration, span_.to - span_.from, 0.04);
  EXPECT_NEAR(pitch(clip, 0.01, 0.08), 800, 60);
  EXPECT_NEAR(pitch(clip, 0.10, 1.1), 4000, 60);
}

TEST_F(Clip, FastEndsWhileALongPictureStands) {
  // Twenty pictures in a second, then one that stays for nine.
  const auto video =
      make("still.mp4", 21, "20",
           std::string("-vf \"setpts='if(lt(N,20),N,180)/20/TB'\" -vsync vfr ") + kH264);
  const auto clip = cut(video, 0.5, 3, ClipMode::kFast);
  const VideoInfo info = probe(clip);
  EXPECT_EQ(numbers(clip, info), range(10, 20));
  EXPECT_NEAR(span_.to, 3, 0.001);
  EXPECT_NEAR(info.duration, 2.5, 0.06);
}

TEST_F(Clip, JoinsParts) {
  const auto video = make("a.mp4", 100, "25", kH264, kSound);
  const auto clip = dir_ / "joined.mp4";
  const std::vector<ClipSpan> parts = {{2.0, 2.4}, {0.2, 1.0}, {3.63, 4.2}};
  result_ = write_clip(video, parts, ClipMode::kExact, open(clip));
  ASSERT_EQ(result_.parts.size(), 3u);
  EXPECT_DOUBLE_EQ(result_.parts[2].from, 3.63);
  EXPECT_NEAR(result_.parts[2].to, 4.0, 1e-9);
  VideoInfo info = probe(clip);
  std::vector<int> wanted = range(50, 60);
  for (const int n : range(5, 25)) wanted.push_back(n);
  for (const int n : range(90, 100)) wanted.push_back(n);
  EXPECT_EQ(numbers(clip, info), wanted);
  EXPECT_NEAR(info.duration, 0.4 + 0.8 + 0.37, 0.002);
  EXPECT_NEAR(info.frame_time(30), 1.2, 0.001);
  EXPECT_NEAR(pitch(clip, 0.02, 0.38), 4000, 60);
  EXPECT_NEAR(pitch(clip, 0.43, 1.17), 800, 40);
  EXPECT_NEAR(pitch(clip, 1.23, 1.55), 4000, 60);
  // Copied, each part begins at the key frame before.
  result_ = write_clip(video, parts, ClipMode::kFast, open(clip));
  EXPECT_DOUBLE_EQ(result_.parts[0].from, 1.6);
  EXPECT_DOUBLE_EQ(result_.parts[1].from, 0.0);
  EXPECT_EQ(result_.sound.state, SoundState::kEncoded);
  info = probe(clip);
  double length = 0;
  for (const ClipSpan& part : result_.parts) length += part.to - part.from;
  EXPECT_NEAR(info.duration, length, 0.005);
  const double second = result_.parts[0].to - result_.parts[0].from;
  EXPECT_NEAR(pitch(clip, 0.05, second - 0.02), 4000, 40);
  EXPECT_NEAR(pitch(clip, second + 0.02, second + 0.98), 800, 40);
}

// Matroska's first packets have no decoding times where pictures are reordered.
TEST_F(Clip, JoinsCopiedPartsWithoutDecodingTimes) {
  const auto video =
      make("a.mkv", 60, "25",
           "-c:v libx264 -preset veryfast -bf 2 -sc_threshold 0 -pix_fmt yuv420p -g 20");
  const auto clip = dir_ / "joined.mp4";
  const std::vector<ClipSpan> parts = {{0.1, 0.3}, {0.9, 1.3}, {0.2, 0.7}, {0.0, 0.5}};
  result_ = write_clip(video, parts, ClipMode::kFast, open(clip));
  std::vector<int> wanted;
  for (const ClipSpan& part : result_.parts) {
    const auto first = static_cast<int>(std::lround(part.from * 25));
    for (const int n : range(first, static_cast<int>(std::lround(part.to * 25)))) {
      wanted.push_back(n);
    }
  }
  EXPECT_DOUBLE_EQ(result_.parts[2].from, 0.0);
  const VideoInfo info = probe(clip);
  EXPECT_EQ(numbers(clip, info), wanted);
  for (int64_t i = 0; i < info.frame_count; ++i) {
    EXPECT_NEAR(info.frame_time(i), static_cast<double>(i) / 25, 0.002) << i;
  }
}

TEST_F(Clip, RefusesWhatIsNoPart) {
  const auto video = make("a.avi", 50, "25", "-c:v huffyuv -pix_fmt yuv422p");
  const auto refused = [&](const auto& file, double from, double to, ClipMode mode) {
    try {
      cut(file, from, to, mode);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInternal;
  };
  EXPECT_EQ(refused(video, 1, 1, ClipMode::kExact), ErrorCode::kUsage);
  EXPECT_EQ(refused(video, -1, 1, ClipMode::kExact), ErrorCode::kUsage);
  EXPECT_EQ(refused(video, 2, 3, ClipMode::kExact), ErrorCode::kUsage);
  EXPECT_EQ(refused(video, 0.5, 1, ClipMode::kFast), ErrorCode::kUnsupported);  // not in MP4
  const auto late = make("late.mkv", 50, "25", kH264, kSound, "-itsoffset 2");
  for (const ClipMode mode : {ClipMode::kExact, ClipMode::kFast}) {
    EXPECT_EQ(refused(late, 0.5, 1.5, mode), ErrorCode::kUsage);  // no picture yet
  }
  const auto rest = cut(video, 1.2, 9, ClipMode::kExact);
  EXPECT_EQ(numbers(rest, probe(rest)), range(30, 50));
  std::stop_source gone;
  gone.request_stop();
  EXPECT_THROW(
      write_clip(video, {{0, 1}}, ClipMode::kExact, open(dir_ / "x.mp4"), gone.get_token()), Error);
}

}  // namespace
}  // namespace shijian::video
