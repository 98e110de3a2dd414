// What decoding in a child process costs: the same calls here and there, on one video.
//   decode_bench VIDEO [Google Benchmark's flags]
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <string>
#include <string_view>

#include "video/clip.h"
#include "video/decode.h"
#include "video/sandbox.h"

namespace shijian {
namespace {

std::string path;

// range(0): 1 for child processes.
class Calls : public benchmark::Fixture {
 public:
  void SetUp(benchmark::State& state) override {
    if (state.range(0) == 1) video::start_decode_sandbox();
  }
  void TearDown(benchmark::State&) override { video::stop_decode_sandbox(); }
};

BENCHMARK_DEFINE_F(Calls, Probe)(benchmark::State& state) {
  video::probe(path);
  for (auto _ : state) benchmark::DoNotOptimize(video::probe(path));
}

// range(1) frames.
BENCHMARK_DEFINE_F(Calls, Decode)(benchmark::State& state) {
  ThreadPool pool(2);
  const video::VideoInfo info = video::probe(path);
  video::SamplingOptions sampling;
  sampling.frames = static_cast<int>(state.range(1));
  const video::FramePlan plan = video::plan_frames(info, sampling, {});
  for (auto _ : state) {
    benchmark::DoNotOptimize(video::decode_frames(path, info, plan, {}, pool).shown);
  }
}

// range(1): 1 for exactly, else at key frames. A quarter of the video.
BENCHMARK_DEFINE_F(Calls, Cut)(benchmark::State& state) {
  const double from = video::probe(path).duration / 4;
  for (auto _ : state) {
    const Descriptor output(::memfd_create("clip", MFD_CLOEXEC));
    benchmark::DoNotOptimize(video::write_clip(
        path, {{from, 2 * from}},
        state.range(1) == 1 ? video::ClipMode::kExact : video::ClipMode::kFast, output));
  }
}

BENCHMARK_REGISTER_F(Calls, Probe)->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_REGISTER_F(Calls, Decode)
    ->ArgsProduct({{0, 1}, {2, 32}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_REGISTER_F(Calls, Cut)
    ->ArgsProduct({{0, 1}, {0, 1}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace shijian

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == shijian::video::kDecodeWorker) {
    return shijian::video::run_decode_worker();
  }
  benchmark::Initialize(&argc, argv);
  if (argc != 2) {
    fmt::print(stderr, "usage: decode_bench VIDEO\n");
    return 2;
  }
  shijian::path = argv[1];
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
