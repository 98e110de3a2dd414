// Clips cut in child processes: the same bytes, and whatever befalls a child is one clear error.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>

#include <thread>

#include "base/file.h"
#include "base/sanitized.h"
#include "video/clip.h"
#include "video/sandbox_fixture.h"

namespace shijian::video {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Cutting : public SandboxTest {
 protected:
  static constexpr const char* kSound = "-f lavfi -i sine=f=500:r=44100:d=2.4";

  Descriptor nameless() const {
    return Descriptor(::open(dir_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  }
  // What came of it, errors included.
  std::string outcome(const fs::path& video, ClipMode mode) {
    const fs::path clip = dir_ / "clip.mp4";
    const Descriptor output(::open(clip.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    try {
      const ClipSpan span = write_clip(video, {{0.7, 1.9}}, mode, output).parts.front();
      return fmt::format("{} {} {}", span.from, span.to, read_file(clip, size_t{1} << 24));
    } catch (const Error& error) {
      return fmt::format("{} {} {}", static_cast<int>(error.code()), error.message(), error.hint());
    }
  }
  // Some seconds of work, however it ends.
  fs::path long_clip() {
    run("ffmpeg -y -v error -f lavfi -i testsrc2=s=640x480:r=25:d=40 -c:v mpeg4 -q:v 31 " +
        (dir_ / "long.mp4").string());
    return dir_ / "long.mp4";
  }
  // Acts once a part of the clip is written.
  Error error_in_the_middle(const std::function<void()>& act, const std::stop_token& cancel = {}) {
    const fs::path video = long_clip();
    const Descriptor output = nameless();
    std::atomic<bool> over = false;
    std::jthread watcher([&] {
      struct stat info {};
      while (!over && (::fstat(output.get(), &info) != 0 || info.st_size == 0)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      act();
    });
    const Error error = error_of([&] {
      write_clip(video, {{0, 40}}, ClipMode::kExact, output, cancel);
    });
    over = true;
    watcher.join();
    return error;
  }
  static void send_to_cutters(int signal) {
    for (const pid_t child : decoders()) ::kill(child, signal);
  }
};

TEST_F(Cutting, TheSameBytesAsInThisProcess) {
  const std::string h264 = "-c:v libx264 -preset veryfast -g 12 -pix_fmt ";
  const auto steady = make("steady.mp4", 60, "25", h264 + "yuv420p -bf 2 -c:a aac", kSound);
  const std::vector<fs::path> files = {
      steady,
      copy(steady, "turned.mp4", "-metadata:s:v:0 rotate=90"),
      make("silent.mp4", 60, "30000/1001", h264 + "yuv420p10le"),
      make("a.mov", 60, "25", "-c:v mjpeg -pix_fmt yuvj422p -c:a pcm_s16le", kSound),
      make("a.mkv", 60, "25",
           "-c:v libx265 -preset ultrafast -x265-params "
           "keyint=24:log-level=none:pools=none:frame-threads=1 -pix_fmt yuv420p -c:a libopus",
           kSound),
      make("a.webm", 60, "25",
           "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 24 -c:a libvorbis", kSound),
      make("a.avi", 60, "25", "-c:v mpeg4 -g 24 -bf 2 -c:a mp3", kSound),
      make("a.ts", 60, "25", h264 + "yuv420p -c:a mp2", kSound),
      make("a.flv", 60, "25", h264 + "yuv420p -c:a aac", kSound),
      write("words.mp4", "these are only words")};
  testing::internal::CaptureStderr();
  int fast = 0;
  for (const fs::path& file : files) {
    for (const ClipMode mode : {ClipMode::kExact, ClipMode::kFast}) {
      const std::string here = outcome(file, mode);
      start_decode_sandbox();
      const std::string there = outcome(file, mode);
      stop_decode_sandbox();
      // Not as text: it is a video.
      EXPECT_TRUE(here == there) << file << (mode == ClipMode::kExact ? " exact" : " fast");
      fast += mode == ClipMode::kFast && here.find("moov") != std::string::npos;
    }
  }
  EXPECT_GE(fast, 5);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(Cutting, AChildThatDiesIsAnError) {
  start_decode_sandbox();
  for (const int signal : {SIGABRT, SIGKILL}) {
    const Error error = error_in_the_middle([&] { send_to_cutters(signal); });
    EXPECT_EQ(error.code(), ErrorCode::kInvalid);
    EXPECT_THAT(error.message(), HasSubstr("long.mp4"));
    EXPECT_THAT(error.message(), HasSubstr(fmt::format("signal {}", signal)));
  }
  EXPECT_THAT(outcome(long_clip(), ClipMode::kExact), HasSubstr("moov"));
}

TEST_F(Cutting, AChildThatHangsIsAnError) {
  SandboxOptions options;
  options.stall_seconds = 1;
  start_decode_sandbox(options);
  const Error error = error_in_the_middle([] { send_to_cutters(SIGSTOP); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalid);
  EXPECT_THAT(error.message(), HasSubstr("said nothing for 1 s"));
}

TEST_F(Cutting, CancellingEndsTheChild) {
  start_decode_sandbox();
  std::stop_source source;
  const Error error = error_in_the_middle([&] { source.request_stop(); }, source.get_token());
  EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  while (!decoders().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

TEST_F(Cutting, SizeMemoryAndTimeHaveLimits) {
  if (kSanitized) GTEST_SKIP() << "there are none under a sanitiser";
  const auto error_with = [&](const fs::path& video, const SandboxOptions& options, size_t times) {
    start_decode_sandbox(options);
    const std::vector<ClipSpan> parts(times, {0, 40});
    return error_of([&] { write_clip(video, parts, ClipMode::kExact, nameless()); });
  };
  const fs::path video = long_clip();
  SandboxOptions options;
  options.clip_bytes_over_source = -static_cast<int64_t>(fs::file_size(video)) + 100000;
  const Error size = error_with(video, options, 1);
  EXPECT_EQ(size.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(size.message(), HasSubstr("would have more than"));

  options = {};
  options.limits.cpu_seconds = 1;
  options.cpu_seconds_per_clip_frame = 0;
  const Error time = error_with(video, options, 8);  // seconds of it
  EXPECT_EQ(time.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(time.message(), HasSubstr("more than 1 s"));

  run("ffmpeg -v error -f lavfi -i testsrc2=s=4000x4000:r=5:d=4 -c:v mpeg4 -threads 1 " +
      (dir_ / "large.mp4").string());
  options = {};
  options.limits.memory_bytes = int64_t{500} << 20;
  options.encoder_memory_bytes = 0;
  const Error memory = error_with(dir_ / "large.mp4", options, 1);
  EXPECT_EQ(memory.code(), ErrorCode::kUnsupported) << memory.message();
  EXPECT_THAT(memory.message(), HasSubstr("MiB of memory"));
}

TEST_F(Cutting, NothingElseIsWritten) {
  const fs::path video = long_clip();
  const std::string before = read_file(video, size_t{1} << 26);
  start_decode_sandbox();
  // Not even what is open, when it is open for reading alone.
  const Descriptor output(::open(video.c_str(), O_RDONLY | O_CLOEXEC));
  const Error error = error_of([&] { write_clip(video, {{0, 1}}, ClipMode::kFast, output); });
  EXPECT_THAT(error.message(), HasSubstr("write MP4"));
  EXPECT_TRUE(read_file(video, size_t{1} << 26) == before);
}

}  // namespace
}  // namespace shijian::video
