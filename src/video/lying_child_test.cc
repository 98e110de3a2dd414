// A child that a file has taken over: whatever it says, the program refuses it or takes no harm.
#include <fcntl.h>
#include <gmock/gmock.h>

#include <chrono>
#include <limits>

#include "process/fork_server.h"
#include "video/calls.h"
#include "video/messages.h"
#include "video/sandbox_fixture.h"
#include "video/wire.h"

namespace shijian::video {
namespace {

namespace fs = std::filesystem;

void say(const process::Channel& call, MessageType type, const auto& head) {
  WireWriter writer;
  writer(head);
  send_message(call, type, {}, std::as_bytes(std::span(writer.bytes())));
}

Text harmful_text(const std::string& how) {
  if (how == "long") return "{}: {}"_text(how, std::string(30000, 'x'));
  if (how == "much") return Text::value(std::string(1 << 20, 'x'));
  Text text = Text::value("x");
  for (int depth = 0; depth < (how == "deep" ? 2000 : 12); ++depth) {
    // The wide one is 10^12 letters when it is written out.
    text = Text::filled(how == "deep" ? "{}" : "{1}{1}{1}{1}{1}{1}{1}{1}{1}{1}", {std::move(text)});
  }
  return text;
}

// What it says of a clip: the name of the file tells.
void lie_about_clip(const process::Channel& call, int output, const std::string& name) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<ClipSpan> honest = {{0.2, 0.8}};
  const auto say_parts = [&](std::vector<ClipSpan> parts) {
    WireWriter writer;
    writer(ClipResult{std::move(parts), {}});
    send_message(call, kCut, std::as_bytes(std::span(writer.bytes())));
  };
  const std::string lie = fs::path(name).stem();
  if (lie != "empty" && ::pwrite(output, "clip", 4, 0) != 4) return;
  if (lie == "nan") return say_parts({{nan, nan}});
  if (lie == "backwards") return say_parts({{0.8, 0.2}});
  if (lie == "beyond") return say_parts({{0.2, 1e9}});
  if (lie == "none") return say_parts({});
  if (lie == "more") return say_parts({{0.2, 0.4}, {0.4, 0.8}});
  if (lie == "short") return say(call, kCut, uint8_t{1});
  if (lie == "other") return say(call, kDecoded, true);
  if (lie == "usage") {
    WireWriter failure;
    failure(Failure{static_cast<int32_t>(ErrorCode::kUsage),
                    "{}: {}"_text("my\nname", Text::words("my\nwords")), Text::value("\x1b[2J")});
    send_message(call, kFailed, std::as_bytes(std::span(failure.bytes())));
    return;
  }
  if (lie == "deep" || lie == "wide" || lie == "long" || lie == "much") {
    WireWriter failure;
    failure(Failure{static_cast<int32_t>(ErrorCode::kInvalid), harmful_text(lie), {}});
    send_message(call, kFailed, std::as_bytes(std::span(failure.bytes())));
    return;
  }
  if (lie == "flood") {
    const std::string much(1 << 20, 'x');
    send_message(call, kCut, std::as_bytes(std::span(much)));
    return;
  }
  say_parts(honest);
  if (lie == "goes-on") say_parts(honest);
  if (lie == "stays") ::sleep(1000);
}

void serve(process::Channel call, std::vector<Descriptor> files) {
  std::string bulk;
  std::optional<process::Channel::Packet> packet;
  while ((packet = call.receive()) && packet->type == kPiece) bulk += text_of(packet->bytes);
  Request request;
  WireReader reader(bulk);
  reader(request);
  if (static_cast<Task>(request.task) == Task::kCut) {
    return lie_about_clip(call, files.at(1).get(), request.name);
  }
  VideoInfo said = probe_file(InputFile(std::move(files.at(0)), request.name), {}, [] {});
  const std::string lie = fs::path(request.name).stem();
  if (lie == "many-notes") said.notes.resize(100000);
  if (lie == "many-tracks") said.tracks.resize(100000);
  if (lie == "many-frames") {
    said.frame_count = 10000000;
    said.frame_pts.resize(10000000);
  }
  WireWriter info;
  info(said);
  send_message(call, kInfo, std::as_bytes(std::span(info.bytes())));
}

class LyingChild : public SandboxTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    std::ofstream(lies_of(::getpid())) << "lies";
    SandboxOptions options;
    options.stall_seconds = 1;
    start_decode_sandbox(options);
    sandbox_weakness();  // it runs
  }
  void TearDown() override {
    fs::remove(lies_of(::getpid()));
    SandboxTest::TearDown();
  }
  ClipSpan cut(const std::string& lie) {
    const fs::path video = make(lie + ".mp4", 25, "25", "-c:v mpeg4");
    const Descriptor output(::open(dir_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    return write_clip(video, {{0.2, 0.8}}, ClipMode::kExact, output).parts.front();
  }
};

// A small file has few frames: nobody makes room for millions.
TEST_F(LyingChild, CannotFillTheMemory) {
  for (const char* lie : {"many-notes", "many-tracks", "many-frames"}) {
    const fs::path video = make(std::string(lie) + ".mp4", 5, "25", "-c:v mpeg4");
    EXPECT_EQ(error_of([&] { probe(video); }).code(), ErrorCode::kInvalid) << lie;
  }
}

TEST_F(LyingChild, AnswersAreChecked) {
  EXPECT_EQ(cut("honest").to, 0.8);
  for (const char* lie : {"empty", "nan", "backwards", "beyond", "short", "other", "flood",
                          "goes-on", "stays", "none", "more", "deep", "much"}) {
    EXPECT_EQ(error_of([&] { cut(lie); }).code(), ErrorCode::kInvalid) << lie;
  }
  const Error error = error_of([&] { cut("usage"); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalid);
  EXPECT_EQ(error.message(), "my?name: my?words");
  EXPECT_EQ(error.message_text().form(), "{}: {}");
  EXPECT_EQ(error.message_text().arguments().size(), 2u);
  EXPECT_EQ(error.hint(), "?[2J");
  EXPECT_EQ(error_of([&] { cut("long"); }).message().size(), 2000u);
  // A form that is not the program's own is not filled.
  EXPECT_EQ(error_of([&] { cut("wide"); }).message(), "{1}{1}{1}{1}{1}{1}{1}{1}{1}{1}");
}

}  // namespace

std::filesystem::path lies_of(pid_t program) {
  return std::filesystem::temp_directory_path() / fmt::format("shijian-lies-{}", program);
}

int run_lying_worker() { return process::run_fork_server("", serve); }

}  // namespace shijian::video
