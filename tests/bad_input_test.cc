// Every bad input gets one line that names the thing, a hint, and exit status 2 (wrong usage) or 1
// (failed); nothing is left behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "base/sanitized.h"
#include "command.h"
#include "source_dir.h"

namespace shijian {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class BadInput : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new ScratchFolder;
    run_tool({"ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=96x64:r=10:d=3", "-pix_fmt",
              "yuv420p", *folder_ / "clip.mp4"});
    run_tool({"ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=1", *folder_ / "sound.mp4"});
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string clip() { return *folder_ / "clip.mp4"; }
  static std::string file(const std::string& name, const std::string& content) {
    std::ofstream(*folder_ / name, std::ios::binary) << content;
    return *folder_ / name;
  }
  static std::string bytes_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  // The message is one line that begins with the program's name and holds `part`; one line of hint
  // follows. Nothing goes to standard output.
  static void expect_refused(const std::vector<std::string>& arguments, int status,
                             const std::string& part, const CommandOptions& options = {}) {
    const CommandResult result = run_shijian(arguments, options);
    EXPECT_EQ(result.status, status) << result.err;
    EXPECT_TRUE(result.err.starts_with("shijian: ")) << result.err;
    EXPECT_THAT(result.err, HasSubstr(part));
    EXPECT_THAT(result.err, HasSubstr("\n  hint: "));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 2) << result.err;
    EXPECT_EQ(result.out, "");
  }

  static const ScratchFolder* folder_;
};
const ScratchFolder* BadInput::folder_ = nullptr;

TEST_F(BadInput, Videos) {
  expect_refused({"locate", "missing.mp4", "x"}, 1, "missing.mp4");
  expect_refused({"locate", folder_->path(), "x"}, 1, "directory");
  expect_refused({"locate", file("empty.mp4", ""), "x"}, 1, "empty.mp4");
  expect_refused({"locate", file("words.mp4", "these are only words"), "x"}, 1, "words.mp4");
  expect_refused({"locate", *folder_ / "sound.mp4", "x"}, 1, "sound.mp4");
  const std::string whole = bytes_of(clip());
  expect_refused({"locate", file("torn.mp4", whole.substr(0, 200)), "x"}, 1, "torn.mp4");
  const std::string fifo = *folder_ / "fifo.mp4";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  expect_refused({"locate", fifo, "x"}, 1, "FIFO");
  expect_refused({"locate", "/dev/zero", "x"}, 1, "/dev/zero");
}

TEST_F(BadInput, NoPermission) {
  CommandOptions options;
  options.obey_permissions = true;
  const std::string path = file("secret.mp4", bytes_of(clip()));
  fs::permissions(path, fs::perms::none);
  expect_refused({"locate", path, "x"}, 1, "secret.mp4: Permission denied", options);
  const ScratchFolder closed;
  fs::permissions(closed.path(), fs::perms::owner_read | fs::perms::owner_exec);
  expect_refused({"locate", clip(), "x", "-o", closed / "a.txt"}, 1, "Permission denied", options);
}

TEST_F(BadInput, Questions) {
  expect_refused({"locate", clip(), ""}, 2, "question");
  expect_refused({"locate", clip(), "  "}, 2, "question");
  expect_refused({"locate", clip()}, 2, "question");
  const std::string long_line(size_t{1} << 20, 'a');
  expect_refused({"locate", clip(), "--questions", file("long.txt", long_line)}, 2,
                 "1048576 characters");
  expect_refused({"locate", clip(), "\xff\xfe"}, 2, "UTF-8");
}

TEST_F(BadInput, Windows) {
  expect_refused({"locate", clip(), "x", "--from", "10"}, 2, "10");
  expect_refused({"locate", clip(), "x", "--from", "2", "--to", "1"}, 2, "2");
  expect_refused({"locate", clip(), "x", "--from", "3"}, 2, "3.000 s long");
  expect_refused({"locate", clip(), "x", "--from", "1", "--to", "1"}, 2, "3.000 s long");
  expect_refused({"describe", clip(), "-p", "x", "--to", "0"}, 2, "3.000 s long");
  expect_refused({"locate", clip(), "x", "--from", "soon"}, 2, "soon");
  expect_refused({"locate", clip(), "x", "--fps", "-1"}, 2, "sampling rate");
  expect_refused({"locate", clip(), "x", "--frames", "0"}, 2, "frames");
}

TEST_F(BadInput, Models) {
  expect_refused({"locate", clip(), "x", "--model", "nowhere"}, 1, "nowhere");
  expect_refused({"locate", clip(), "x", "--model", folder_->path()}, 1, "config.json");
  expect_refused({"locate", clip(), "x", "--model", clip()}, 1, "clip.mp4");
  const ScratchFolder gguf;
  std::ofstream(gguf / "model.gguf") << "GGUF";
  expect_refused({"locate", clip(), "x", "--model", gguf / "model.gguf"}, 1,
                 "GGUF files are not read");
  expect_refused({"locate", clip(), "x", "--model", gguf.path()}, 1, "GGUF files are not read");
  CommandOptions options;
  options.environment = {"SHIJIAN_MODEL=elsewhere"};
  expect_refused({"locate", clip(), "x"}, 1, "elsewhere", options);
}

TEST_F(BadInput, UnknownFlagsAndCommands) {
  expect_refused({"locate"}, 2, "VIDEO");
  expect_refused({"guess"}, 2, "guess");
  expect_refused({}, 2, "a command is required");
  expect_refused({"locate", clip(), "x", "--format", "xml"}, 2, "xml");
  expect_refused({"locate", clip(), "x", "--fps", "many"}, 2, "shijian locate --help");
  expect_refused({"locate", clip(), "x", "--seed", "-1"}, 2, "--seed");
  expect_refused({"synth", "--out", "set", "--count", "1", "--seed", "-1"}, 2, "--seed");
  expect_refused({"locate", clip(), "x", "--nonsense"}, 2, "--nonsense");
}

TEST_F(BadInput, BrokenFilesOfAModel) {
  const std::string nano = (source_dir() / "models/nano").string();
  const struct {
    const char* file;
    const char* content;
    const char* part;
  } broken[] = {{"config.json", "{", "config.json: parse error at line 1, column 2"},
                {"config.json", "[]", "expected an object"},
                {"config.json", "{\"model_type\": 7}", "model_type is 7"},
                {"preprocessor_config.json", "{\"patch_size\": 3}", "preprocessor_config.json"},
                {"tokenizer.json", "{\"model\"", "tokenizer.json"},
                {"shijian.json", "[]", "not a JSON object"},
                {"shijian.json", "{\"sampling\": 3}", "sampling is not an object"},
                {"shijian.json", "{\"sampling\": {\"fps\": 0}}", "sampling.fps is 0"},
                {"model.safetensors", "short", "model.safetensors"}};
  for (const auto& [name, content, part] : broken) {
    SCOPED_TRACE(name);
    const ScratchFolder model;
    fs::copy(nano, model.path(), fs::copy_options::recursive);
    std::ofstream(model / name) << content;
    expect_refused({"locate", clip(), "x", "--model", model.path()}, 1, part);
  }
}

TEST_F(BadInput, UnwritableOutputs) {
  CommandOptions full;
  full.stdout_file = "/dev/full";
  expect_refused({"locate", clip(), "x"}, 1, "standard output: No space left on device", full);
  expect_refused({"locate", clip(), "x", "-o", "/nowhere/answer.json"}, 1, "/nowhere/answer.json");
  expect_refused({"locate", clip(), "x", "--picture", "/nowhere/a.png"}, 1, "/nowhere/a.png");
  expect_refused({"locate", clip(), "x", "--dump", "/nowhere/a.safetensors"}, 1,
                 "/nowhere/a.safetensors");
}

// As the shell's `ulimit -f` has it.
TEST_F(BadInput, AClosedStandardOutputLosesNoAnswer) {
  CommandOptions closed;
  closed.close_standard_streams = true;
  expect_refused({"locate", clip(), "x"}, 1, "standard output: Bad file descriptor", closed);
  expect_refused({"describe", clip(), "-p", "x", "--max-new-tokens", "2"}, 1, "standard output",
                 closed);
  expect_refused({"info", clip()}, 1, "standard output", closed);
  const ScratchFolder outputs;
  const CommandResult result =
      run_shijian({"locate", clip(), "x", "-o", outputs / "a.txt"}, closed);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(bytes_of(outputs / "a.txt"), "");
}

TEST_F(BadInput, AFailedRunLeavesNoOutput) {
  const ScratchFolder outputs;
  CommandOptions options;
  options.directory = outputs.path();
  expect_refused({"locate", clip(), "x", "--picture", "a.png", "-o", "/nowhere/x"}, 1, "/nowhere/x",
                 options);
  expect_refused({"locate", clip(), "x", "--picture", "a.png", "-o", "."}, 1, "it is a directory",
                 options);
  // The output is looked at before the model, the longest part of it all.
  expect_refused({"locate", clip(), "x", "--model", "nowhere", "-o", "/nowhere/x"}, 1, "/nowhere/x",
                 options);
  expect_refused({"describe", clip(), "-p", "x", "--dump", "d.safetensors", "-o", "/nowhere/x"}, 1,
                 "/nowhere/x", options);
  options.stdout_file = "/dev/full";
  expect_refused({"locate", clip(), "x", "--picture", "a.png"}, 1, "No space left", options);
  EXPECT_TRUE(fs::is_empty(outputs.path()));
}

TEST_F(BadInput, TooLargeAnOutput) {
  const ScratchFolder outputs;
  CommandOptions options;
  options.directory = outputs.path();
  options.limit_file_size = 4096;
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"locate", clip(), "x", "--no-cache", "--picture", "a.png"},
        {"locate", clip(), "x", "--no-cache", "--format", "json", "--logprobs", "50", "-o",
         "a.json"},
        {"locate", clip(), "x", "--dump", "a.safetensors"},
        {"synth", "--out", "set", "--count", "2"},
        {"bench", "--shape", "2b", "--keep", "kept"}}) {
    SCOPED_TRACE(arguments.back());
    const CommandResult result = run_shijian(arguments, options);
    EXPECT_EQ(result.status, 1);
    EXPECT_THAT(result.err, HasSubstr("shijian: write "));
    EXPECT_THAT(result.err, HasSubstr("ulimit -f"));
    EXPECT_TRUE(fs::is_empty(outputs.path()));
  }
}

// As the shell's `ulimit -v` has it; how far a run gets then differs from machine to machine.
TEST_F(BadInput, TooLittleMemory) {
  if (kSanitized) GTEST_SKIP() << "the sanitiser needs address space of its own";
  const std::string hint = "  hint: close other programs";
  for (const char* threads : {"1", "2", "8"}) {
    for (int64_t megabytes = 180; megabytes <= 600; megabytes += 60) {
      SCOPED_TRACE(std::string(threads) + " threads, " + std::to_string(megabytes) + " MB");
      CommandOptions options;
      options.limit_address_space = megabytes << 20;
      const CommandResult result =
          run_shijian({"locate", clip(), "x", "--no-cache", "--threads", threads,
                       "--max-new-tokens", "1", "--picture", "/dev/null"},
                      options);
      if (result.status == 127) continue;  // the libraries alone need more
      if (result.status == 0) continue;
      EXPECT_EQ(result.status, 1);
      EXPECT_TRUE(result.err.starts_with("shijian: ")) << result.err;
      EXPECT_THAT(result.err, HasSubstr(hint));
    }
  }
  CommandOptions options;
  options.limit_address_space = int64_t{300} << 20;
  expect_refused({"locate", clip(), "x", "--no-cache", "--max-new-tokens", "15900"}, 1,
                 "reserve key/value cache", options);
}

TEST_F(BadInput, TooLongAnAnswerForTheModel) {
  expect_refused({"locate", clip(), "x", "--max-new-tokens", "1048576"}, 2, "tokens");
}

TEST_F(BadInput, CtrlCLeavesNothingBehind) {
  const ScratchFolder scratch;
  run_tool({"ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x480:r=30:d=90", "-g",
            "600", "-c:v", "mpeg4", "-bf", "0", scratch / "long.mp4"});
  const ScratchFolder outputs;
  CommandOptions options;
  options.directory = outputs.path();
  for (const int signal : {SIGINT, SIGHUP}) {
    options.interrupt = signal;
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"locate", scratch / "long.mp4", "x", "-o", "answer.txt",
                                   "--picture", "a.png"},
          {"bench", "--shape", "2b", "--keep", "kept"}}) {
      const CommandResult result = run_shijian(arguments, options);
      EXPECT_EQ(result.status, 1) << result.err;
      EXPECT_THAT(result.err, HasSubstr("cancelled"));
      EXPECT_TRUE(fs::is_empty(outputs.path()));
    }
  }
}

}  // namespace
}  // namespace shijian
