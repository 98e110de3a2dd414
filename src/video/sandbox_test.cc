// Decoding in child processes: the same bits, and whatever befalls a child is one clear error.
#include "video/sandbox.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "base/error.h"
#include "base/sanitized.h"
#include "video/image.h"
#include "video/messages.h"
#include "video/sandbox_fixture.h"
#include "video/wire.h"

namespace shijian::video {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string bytes_of(const VideoInfo& info) {
  WireWriter writer;
  writer(info);
  return std::string(writer.bytes());
}

bool same(const tensor::Tensor& a, const tensor::Tensor& b) {
  return a.shape() == b.shape() &&
         std::memcmp(a.data<uint8_t>(), b.data<uint8_t>(), static_cast<size_t>(a.elements())) == 0;
}

class Decoding : public SandboxTest {
 protected:
  // More frames than fit between two processes, so that the child still works on the last.
  Frames decode(const fs::path& path, const DecodeProgress& progress, std::stop_token cancel = {}) {
    const VideoInfo info = probe(path);
    return decode_frames(path, info, plan_frames(info, samples(90), {}), {}, pool_, cancel,
                         progress);
  }
  fs::path clip() { return make("clip.mp4", 90, "25", "-c:v mpeg4 -g 30"); }

  // Whether the first thread of that process waits.
  static bool sleeps(pid_t process) {
    std::ifstream file(fmt::format("/proc/{0}/task/{0}/stat", process));
    std::string stat;
    std::getline(file, stat);
    return stat.at(stat.rfind(')') + 2) == 'S';
  }

  static DecodeProgress at_first(std::function<void()> act) {
    return [act = std::move(act)](int64_t done, int64_t) {
      if (done == 1) act();
    };
  }
};

TEST_F(Decoding, TheSameBitsAsInThisProcess) {
  const std::vector<fs::path> files = {
      make("a.mp4", 60, "25", "-c:v libx264 -preset veryfast -g 24 -bf 2 -pix_fmt yuv420p"),
      make("a.mov", 60, "30000/1001", "-c:v libx264 -preset veryfast -pix_fmt yuv420p10le"),
      make("a.mkv", 60, "25",
           "-c:v libx265 -preset ultrafast -x265-params "
           "keyint=24:log-level=none:pools=none:frame-threads=1 -pix_fmt yuv420p"),
      make("a.webm", 60, "25", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 24"),
      make("b.mp4", 60, "25", "-c:v libaom-av1 -usage realtime -cpu-used 8 -g 24"),
      make("a.avi", 60, "25", "-c:v mpeg4 -g 24 -bf 2"),
      make("a.ts", 60, "25", "-c:v libx264 -preset veryfast -g 24")};
  for (const fs::path& file : files) {
    for (const bool source_size : {false, true}) {
      DecodeOptions options;
      options.source_size = source_size;
      const auto run = [&] {
        VideoInfo info = probe(file);
        Frames frames =
            decode_frames(file, info, plan_frames(info, samples(7), {}), options, pool_);
        return std::pair(std::move(info), std::move(frames));
      };
      const auto [info, frames] = run();
      start_decode_sandbox();
      const auto [info2, frames2] = run();
      stop_decode_sandbox();
      EXPECT_EQ(bytes_of(info), bytes_of(info2)) << file;
      EXPECT_TRUE(same(frames.rgb, frames2.rgb)) << file;
      EXPECT_EQ(frames.shown, frames2.shown);
      EXPECT_EQ(frames.times, frames2.times);
      EXPECT_EQ(frames.damaged, frames2.damaged);
    }
  }
}

TEST_F(Decoding, ImagesToo) {
  run("ffmpeg -v error -f lavfi -i testsrc2=s=500x300 -frames:v 1 " + (dir_ / "a.png").string());
  const StillImage here = load_image(dir_ / "a.png");
  start_decode_sandbox();
  const StillImage there = load_image(dir_ / "a.png");
  EXPECT_TRUE(same(here.rgb, there.rgb));
  EXPECT_EQ(there.format, "png");
  EXPECT_THAT(error_of([] { decode_image(std::as_bytes(std::span("words")), "w.png"); }).message(),
              HasSubstr("w.png"));
}

TEST_F(Decoding, ErrorsComeThrough) {
  const fs::path words = write("words.mp4", "these are only words"), empty = write("empty.mp4", "");
  for (const fs::path& file : {words, empty, dir_ / "none.mp4", dir_}) {
    const Error here = error_of([&] { probe(file); });
    start_decode_sandbox();
    const Error there = error_of([&] { probe(file); });
    stop_decode_sandbox();
    EXPECT_EQ(here.code(), there.code());
    EXPECT_EQ(here.message(), there.message());
    EXPECT_EQ(here.hint(), there.hint());
  }
}

TEST_F(Decoding, AChildThatDiesIsAnError) {
  const fs::path file = clip();
  start_decode_sandbox();
  const Error error = error_of([&] {
    decode(file, at_first([] {
             for (const pid_t child : decoders()) ::kill(child, SIGSEGV);
           }));
  });
  EXPECT_EQ(error.code(), ErrorCode::kInvalid);
  EXPECT_THAT(error.message(), HasSubstr("clip.mp4"));
  EXPECT_EQ(decode(file, {}).shown.size(), 90u);
}

TEST_F(Decoding, AChildThatHangsIsAnError) {
  const fs::path file = clip();
  SandboxOptions options;
  options.stall_seconds = 1;
  start_decode_sandbox(options);
  const Error error = error_of([&] {
    decode(file, at_first([] {
             for (const pid_t child : decoders()) ::kill(child, SIGSTOP);
           }));
  });
  EXPECT_EQ(error.code(), ErrorCode::kInvalid);
  EXPECT_THAT(error.message(), HasSubstr("said nothing for 1 s"));
}

TEST_F(Decoding, CancellingEndsTheChild) {
  const fs::path file = clip();
  start_decode_sandbox();
  std::stop_source source;
  const Error error =
      error_of([&] { decode(file, at_first([&] { source.request_stop(); }), source.get_token()); });
  EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  while (!decoders().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

// It would be quiet for three minutes.
TEST_F(Decoding, AQuietChildCanBeCancelled) {
  const fs::path file = clip();
  start_decode_sandbox();
  std::stop_source source;
  std::jthread canceller;
  const auto fall_silent = [&] {
    for (const pid_t child : decoders()) ::kill(child, SIGSTOP);
    canceller = std::jthread([&] {
      while (!sleeps(::getpid())) std::this_thread::yield();
      source.request_stop();
    });
  };
  const Error error = error_of([&] { decode(file, at_first(fall_silent), source.get_token()); });
  EXPECT_EQ(error.code(), ErrorCode::kCancelled);
}

TEST_F(Decoding, MemoryAndTimeHaveLimits) {
  if (kSanitized) GTEST_SKIP() << "memory has no limit under a sanitiser";
  run("ffmpeg -v error -f lavfi -i color=s=8000x8000 -frames:v 1 " + (dir_ / "a.jpg").string());
  SandboxOptions options;
  options.limits.memory_bytes = int64_t{400} << 20;
  start_decode_sandbox(options);
  const Error memory = error_of([&] { load_image(dir_ / "a.jpg"); });
  EXPECT_THAT(memory.message(), HasSubstr("a.jpg"));
  EXPECT_THAT(memory.message(), testing::AnyOf(HasSubstr("memory"), HasSubstr("decoder")));

  // Over half an hour of frames for one second of the processor's time.
  run("ffmpeg -v error -f lavfi -i testsrc2=s=640x480:r=25 -frames:v 50 -c:v mpeg4 -g 500 " +
      (dir_ / "long.avi").string());
  run("ffmpeg -v error -stream_loop 999 -i " + (dir_ / "long.avi").string() + " -c copy " +
      (dir_ / "longer.avi").string());
  options = {};
  options.limits.cpu_seconds = 1;
  options.cpu_seconds_per_frame = 0;
  start_decode_sandbox(options);
  const VideoInfo info = probe(dir_ / "longer.avi");
  const Error time = error_of([&] {
    decode_frames(dir_ / "longer.avi", info, plan_frames(info, samples(600), {}), {}, pool_);
  });
  EXPECT_EQ(time.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(time.message(), HasSubstr("more than 1 s"));
}

TEST_F(Decoding, AForkingProcessThatIsGoneIsStartedAnew) {
  const fs::path file = clip();
  start_decode_sandbox();
  probe(file);
  for (const pid_t process : children_of(::getpid())) ::kill(process, SIGKILL);
  while (!children_of(::getpid()).empty())
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(probe(file).frame_count, 90);
}

TEST(Wire, TextsComeThrough) {
  const Failure failure{
      3, "{}: {}"_text("decode {}"_text(Text::value("a\xff.mp4")), Text::words("End of file")),
      "check the path"_text};
  WireWriter writer;
  writer(failure);
  Failure back;
  WireReader reader(writer.bytes());
  reader(back);
  EXPECT_EQ(back.code, 3);
  EXPECT_EQ(back.message.english(), "decode a\xff.mp4: End of file");
  const auto arguments = back.message.arguments();
  ASSERT_EQ(arguments.size(), 2u);
  EXPECT_EQ(arguments[0].form(), "decode {}");
  EXPECT_TRUE(arguments[0].arguments()[0].is_value());
  EXPECT_FALSE(arguments[1].is_value());
  EXPECT_EQ(back.hint.english(), "check the path");
}

TEST(Wire, EveryCutIsAnError) {
  VideoInfo info;
  info.frame_pts = {1, 2, 3};
  info.notes = {Text::value("a"), Text::value("b")};
  const std::string bytes = bytes_of(info);
  VideoInfo back;
  WireReader whole(bytes);
  whole(back);
  EXPECT_EQ(bytes_of(back), bytes);
  for (size_t size = 0; size < bytes.size(); ++size) {
    WireReader reader(std::string_view(bytes).substr(0, size));
    EXPECT_THROW(reader(back), Error) << size;
  }
}

}  // namespace
}  // namespace shijian::video

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == shijian::video::kDecodeWorker) {
    return std::filesystem::exists(shijian::video::lies_of(::getppid()))
               ? shijian::video::run_lying_worker()
               : shijian::video::run_decode_worker();
  }
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
