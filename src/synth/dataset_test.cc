#include "synth/dataset.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/threads.h"
#include "synth/random.h"
#include "synth/render.h"
#include "synth/stream.h"
#include "video/decode.h"
#include "video/plan.h"
#include "video/probe.h"

namespace shijian::synth {
namespace {

namespace fs = std::filesystem;

class SynthFiles : public testing::Test {
 protected:
  SynthFiles() {
    std::string name = (fs::temp_directory_path() / "synth_test.XXXXXX").string();
    root_ = ::mkdtemp(name.data());
  }
  ~SynthFiles() override { fs::remove_all(root_); }

  DatasetOptions small(int64_t count) const {
    DatasetOptions options;
    options.script.min_ms = options.script.max_ms = 5000;
    options.script.width = 128;
    options.script.height = 96;
    options.script.rate = FrameRate{30000, 1001};
    options.seed = 4;
    options.count = count;
    options.threads = 2;
    return options;
  }
  ErrorCode failure(const fs::path& directory, const DatasetOptions& options,
                    const std::stop_token& cancel = {}) {
    try {
      write_dataset(directory, options, cancel);
    } catch (const Error& error) {
      EXPECT_FALSE(error.message().empty());
      return error.code();
    }
    ADD_FAILURE() << "no error";
    return ErrorCode::kInternal;
  }

  fs::path root_;
};

double mean_difference(const uint8_t* a, const uint8_t* b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += std::abs(a[i] - b[i]);
  return sum / static_cast<double>(n);
}

TEST_F(SynthFiles, VideosAndAnnotationsAgree) {
  const DatasetOptions options = small(3);
  int64_t calls = 0;
  write_dataset(root_ / "deep" / "set", options, {}, [&](int64_t done, int64_t total) {
    EXPECT_EQ(done, ++calls);
    EXPECT_EQ(total, 3);
  });
  EXPECT_EQ(calls, 3);
  const std::string text = read_file(root_ / "deep/set/annotations.jsonl", 1 << 20);
  EXPECT_EQ(text, annotation_lines(options, 0) + annotation_lines(options, 1) +
                      annotation_lines(options, 2));
  std::istringstream lines(text);
  std::set<std::string> videos;
  for (std::string line; std::getline(lines, line);) {
    const Json json = parse_json(line, "annotations");
    videos.insert(json.at("video"));
    EXPECT_EQ(json.size(), 6u);
    EXPECT_EQ(json.at("duration"), 5.005);
    EXPECT_EQ(json.at("spans").empty(), json.at("kind") == "absent");
  }
  EXPECT_EQ(videos.size(), 3u);

  int cuts = 0;
  for (int i = 0; i < 3; ++i) {
    const fs::path path = root_ / "deep/set/videos" / fmt::format("{:05}.mp4", i);
    const video::VideoInfo info = video::probe(path);
    EXPECT_EQ(info.codec, "h264");
    EXPECT_EQ(info.pixel_format, "yuv420p");
    EXPECT_EQ(info.frame_count, 150);
    EXPECT_FALSE(info.variable_rate);
    EXPECT_EQ(info.frame_rate.num * 1001, info.frame_rate.den * 30000);
    EXPECT_EQ(info.start_time, 0);
    EXPECT_NEAR(info.duration, 5.005, 1e-6);
    EXPECT_TRUE(info.notes.empty());

    // Each decoded frame is the picture drawn for its time.
    const Script script = make_script(options.seed, i, options.script);
    Renderer renderer(script);
    video::DecodeOptions decode;
    decode.source_size = true;
    video::SamplingOptions sampling;
    sampling.frames = 150;
    ThreadPool pool(1);
    const video::FramePlan plan = video::plan_frames(info, sampling, {});
    const video::Frames frames = video::decode_frames(path, info, plan, decode, pool);
    const size_t size = 128 * 96 * 3;
    std::vector<uint8_t> drawn(size);
    ASSERT_EQ(plan.indices.size(), 150u);
    for (size_t k = 0; k < 150; ++k) {
      renderer.draw(plan.indices[k] * 1001.0 / 30, drawn.data());
      const uint8_t* decoded = frames.rgb.data<uint8_t>() + k * size;
      EXPECT_LT(mean_difference(drawn.data(), decoded, size), 14) << k;
      // A frame late or early would be seen at a cut.
      if (k == 0 || scene_at(script, k * 1001.0 / 30) == scene_at(script, (k - 1) * 1001.0 / 30))
        continue;
      EXPECT_GT(mean_difference(drawn.data(), decoded - size, size), 20) << k;
      ++cuts;
    }
  }
  EXPECT_GT(cuts, 0);
}

// What training sees is planned like what a file's reader sees.
TEST_F(SynthFiles, StreamAndFileAgreeOnTimesAndSizes) {
  DatasetOptions options = small(1);
  options.script.width = 192;
  options.script.height = 108;
  write_dataset(root_ / "set", options);
  const video::VideoInfo info = video::probe(root_ / "set/videos/00000.mp4");
  video::SamplingOptions sampling;
  sampling.fps = 4;
  sampling.max_frames = 256;
  sampling.frame_pixels = 16384;
  const video::FramePlan plan = video::plan_frames(info, sampling, {});
  StreamOptions stream;
  stream.script = options.script;
  stream.seed = options.seed;
  stream.labels_only = true;
  const std::string clip = stream_clip(stream, 0);
  const Json line = parse_json(clip.substr(0, clip.find('\n')), "clip");
  EXPECT_EQ(line.at("width"), plan.width);
  EXPECT_EQ(line.at("height"), plan.height);
  EXPECT_EQ(line.at("slot_times"), Json(plan.slot_times));
  std::vector<double> times = line.at("times");
  EXPECT_EQ(times.size() % 2, 0u);
  times.resize(plan.times.size());
  EXPECT_EQ(times, plan.times);
}

TEST_F(SynthFiles, RefusesADirectoryInUse) {
  std::ofstream(root_ / "precious") << "x";
  EXPECT_EQ(failure(root_, small(1)), ErrorCode::kUsage);
  EXPECT_EQ(failure(root_ / "precious", small(1)), ErrorCode::kInvalid);
  EXPECT_EQ(failure(root_ / "new", small(0)), ErrorCode::kUsage);
  EXPECT_TRUE(fs::exists(root_ / "precious"));
  EXPECT_FALSE(fs::exists(root_ / "new"));
}

TEST_F(SynthFiles, CancelledLeavesNothing) {
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(failure(root_ / "a" / "b", small(2), source.get_token()), ErrorCode::kCancelled);
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(SynthFiles, AFullDiskLeavesNothing) {
  // A limit on the size of files fails writes as a full disk does.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const ErrorCode code = failure(root_ / "set", small(2));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, handler);
  EXPECT_EQ(code, ErrorCode::kIo);
  EXPECT_TRUE(fs::is_empty(root_));
}

}  // namespace
}  // namespace shijian::synth
