// The kernels at the shapes of Qwen3-VL, beside what the machine can do at the same moment.
//
// Every iteration runs a yardstick and then the kernel; the counters compare the best of each.
//   of_peak            share of the fused multiply-adds that the cores can do
//   of_bandwidth       share of the bytes that the cores can read, from a large tensor
//   ..._core           the same by core time: what remains comparable on a busy machine
// SHIJIAN_THREADS sets the number of threads, SHIJIAN_ISA the instruction set.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <utility>

#include "kernels/attention.h"
#include "kernels/isa.h"
#include "kernels/matmul.h"
#include "kernels/rows.h"
#include "tensor/tensor.h"
#include "yardsticks.h"

namespace shijian {
namespace {

using kernels::WeightView;

ThreadPool& pool() {
  static const char* wish = std::getenv("SHIJIAN_THREADS");
  static ThreadPool instance(wish != nullptr ? std::atoi(wish) : 0);
  return instance;
}

// Values in [-1, 1), cheaply.
tensor::Tensor random_tensor(tensor::DType dtype, tensor::Shape shape) {
  tensor::Tensor tensor(dtype, std::move(shape));
  uint32_t state = 1;
  const auto next = [&state] {
    state = state * 1664525 + 1013904223;
    return static_cast<float>(static_cast<int32_t>(state)) * 0x1p-31f;
  };
  if (dtype == tensor::DType::kF32) {
    for (float& value : tensor.floats()) value = next();
  } else {  // BF16: the upper half of an F32
    auto* values = static_cast<uint16_t*>(const_cast<void*>(tensor.view().data));
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      const float value = next();
      uint32_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      values[i] = static_cast<uint16_t>(bits >> 16);
    }
  }
  return tensor;
}

// Runs yardstick and kernel in turn and keeps the best of each.
void compare(benchmark::State& state, double work, const std::string& unit,
             const std::string& limit, const std::function<void(Rate&)>& yardstick,
             const std::function<void()>& kernel) {
  kernel();  // scratch and pages come into being
  Rate most, ours;
  for (auto _ : state) {
    yardstick(most);
    const Stopwatch watch;
    kernel();
    state.SetIterationTime(watch.wall_seconds());
    ours.add(work * 1e-9, watch);
  }
  state.counters[unit] = ours.wall;
  state.counters[limit] = ours.wall / most.wall;
  state.counters[limit + "_core"] = ours.core / most.core;
}

void compare_with_peak(benchmark::State& state, double flops, const std::function<void()>& kernel) {
  compare(
      state, flops, "GFLOP/s", "of_peak", [](Rate& r) { measure_peak(pool(), r); }, kernel);
}

void compare_with_bandwidth(benchmark::State& state, double bytes,
                            const std::function<void()>& kernel) {
  constexpr int64_t kFloats = 32 << 20;
  static const tensor::Tensor memory = tensor::Tensor::zeros(tensor::DType::kF32, {kFloats});
  const auto yardstick = [](Rate& r) {
    measure_bandwidth(pool(), memory.data<float>(), kFloats * sizeof(float), r);
  };
  compare(state, bytes, "GB/s", "of_bandwidth", yardstick, kernel);
}

// Arguments: rows of x, inputs, outputs, 0 for F32 or 1 for BF16.
struct MatmulCase {
  explicit MatmulCase(const benchmark::State& state)
      : m(state.range(0)),
        k(state.range(1)),
        n(state.range(2)),
        x(random_tensor(tensor::DType::kF32, {m, k})),
        w(random_tensor(state.range(3) == 0 ? tensor::DType::kF32 : tensor::DType::kBF16, {n, k})),
        y(tensor::DType::kF32, {m, n}) {}
  void run(bool transposed) {
    const tensor::ConstMatrix input(x.data<float>(), m, k);
    const tensor::Matrix output(y.data<float>(), m, n);
    const tensor::TensorView view = w.view();
    if (transposed) {
      kernels::matmul_transposed(pool(), input, {view.data, view.dtype, k, n, n}, output);
    } else {
      kernels::matmul(pool(), input, {view.data, view.dtype, n, k, k}, nullptr, output);
    }
  }
  double flops() const { return 2.0 * static_cast<double>(m) * static_cast<double>(k * n); }
  int64_t m, k, n;
  tensor::Tensor x, w, y;
};

void BM_Matmul(benchmark::State& state) {
  MatmulCase c(state);
  compare_with_peak(state, c.flops(), [&c] { c.run(false); });
}
BENCHMARK(BM_Matmul)
    ->Args({512, 2560, 9728, 0})
    ->Args({512, 2560, 9728, 1})
    ->Args({1024, 2560, 9728, 1})
    ->Args({4096, 1024, 4096, 1})
    ->Args({4096, 1152, 4304, 1})
    ->Args({64, 2560, 9728, 1})
    ->Args({16, 2560, 9728, 1})
    ->Args({192, 192, 512, 0})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

void BM_MatmulTransposed(benchmark::State& state) {
  MatmulCase c(state);
  compare_with_peak(state, c.flops(), [&c] { c.run(true); });
}
BENCHMARK(BM_MatmulTransposed)
    ->Args({256, 2048, 1536, 1})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

void BM_MatmulDecode(benchmark::State& state) {
  MatmulCase c(state);
  const auto bytes = static_cast<double>(c.w.view().bytes());
  compare_with_bandwidth(state, bytes, [&c] { c.run(false); });
}
BENCHMARK(BM_MatmulDecode)
    ->Args({1, 2560, 9728, 0})
    ->Args({1, 2560, 9728, 1})
    ->Args({1, 9728, 2560, 1})
    ->Args({1, 2560, 151936, 1})
    ->Args({4, 2560, 9728, 1})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

void BM_MatmulTransposedDecode(benchmark::State& state) {
  MatmulCase c(state);
  const auto bytes = static_cast<double>(c.w.view().bytes());
  compare_with_bandwidth(state, bytes, [&c] { c.run(true); });
}
BENCHMARK(BM_MatmulTransposedDecode)
    ->Args({1, 2048, 12288, 1})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

// Arguments: queries, keys, heads, key heads, head_dim, causal.
struct AttentionCase {
  explicit AttentionCase(const benchmark::State& state) {
    const int64_t queries = state.range(0), keys = state.range(1), heads = state.range(2);
    const int64_t kv_heads = state.range(3), dim = state.range(4);
    q = random_tensor(tensor::DType::kF32, {queries, heads, dim});
    k = random_tensor(tensor::DType::kF32, {keys, kv_heads, dim});
    v = random_tensor(tensor::DType::kF32, {keys, kv_heads, dim});
    out = tensor::Tensor(tensor::DType::kF32, {queries, heads, dim});
    args = {.q = q.data<float>(),
            .k = k.data<float>(),
            .v = v.data<float>(),
            .out = out.data<float>(),
            .queries = queries,
            .keys = keys,
            .heads = heads,
            .kv_heads = kv_heads,
            .head_dim = dim,
            .q_stride = heads * dim,
            .k_stride = kv_heads * dim,
            .v_stride = kv_heads * dim,
            .out_stride = heads * dim,
            .scale = 0.1f,
            .causal = state.range(5) != 0};
  }
  double flops() const {
    const auto queries = static_cast<double>(args.queries), keys = static_cast<double>(args.keys);
    const double pairs = args.causal ? queries * (keys - (queries - 1) / 2) : queries * keys;
    return 4 * pairs * static_cast<double>(args.heads * args.head_dim);
  }
  tensor::Tensor q, k, v, out;
  kernels::AttentionArgs args;
};

void BM_Attention(benchmark::State& state) {
  const AttentionCase c(state);
  compare_with_peak(state, c.flops(), [&c] { kernels::attention(pool(), c.args); });
}
BENCHMARK(BM_Attention)
    ->Args({4096, 4096, 16, 16, 64, 0})
    ->Args({2048, 2048, 32, 8, 128, 1})
    ->Args({512, 8192, 32, 8, 128, 1})
    ->Args({256, 256, 16, 16, 64, 0})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

void BM_AttentionDecode(benchmark::State& state) {
  const AttentionCase c(state);
  const double bytes = static_cast<double>(c.k.view().bytes() + c.v.view().bytes());
  compare_with_bandwidth(state, bytes, [&c] { kernels::attention(pool(), c.args); });
}
BENCHMARK(BM_AttentionDecode)
    ->Args({1, 4096, 32, 8, 128, 1})
    ->Args({1, 32768, 32, 8, 128, 1})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

// Rows of 512 tokens at the widths of the 4B model.
void BM_RmsNorm(benchmark::State& state) {
  tensor::Tensor x = random_tensor(tensor::DType::kF32, {512, 2560}),
                 weight = random_tensor(tensor::DType::kF32, {2560});
  for (auto _ : state) {
    const tensor::Matrix m(x.data<float>(), 512, 2560);
    kernels::rms_norm(pool(), m, weight.data<float>(), 1e-6f, m);
  }
}
BENCHMARK(BM_RmsNorm)->Unit(benchmark::kMillisecond);

void BM_SiluMul(benchmark::State& state) {
  const tensor::Tensor up = random_tensor(tensor::DType::kF32, {512, 9728});
  tensor::Tensor gate = random_tensor(tensor::DType::kF32, {512, 9728});
  for (auto _ : state) {
    kernels::silu_mul(pool(), {gate.data<float>(), 512, 9728}, {up.data<float>(), 512, 9728});
  }
}
BENCHMARK(BM_SiluMul)->Unit(benchmark::kMillisecond);

void BM_GeluTanh(benchmark::State& state) {
  tensor::Tensor x = random_tensor(tensor::DType::kF32, {1024, 4096});
  for (auto _ : state) kernels::gelu_tanh(pool(), {x.data<float>(), 1024, 4096});
}
BENCHMARK(BM_GeluTanh)->Unit(benchmark::kMillisecond);

void BM_GeluErf(benchmark::State& state) {
  tensor::Tensor x = random_tensor(tensor::DType::kF32, {1024, 4096});
  for (auto _ : state) kernels::gelu_erf(pool(), {x.data<float>(), 1024, 4096});
}
BENCHMARK(BM_GeluErf)->Unit(benchmark::kMillisecond);

void BM_Rotary(benchmark::State& state) {
  tensor::Tensor x = random_tensor(tensor::DType::kF32, {512, 32 * 128});
  const tensor::Tensor cosine = random_tensor(tensor::DType::kF32, {512, 64});
  const tensor::ConstMatrix angles(cosine.data<float>(), 512, 64);
  for (auto _ : state) {
    kernels::rotary(pool(), {x.data<float>(), 512, 32 * 128}, 32, 128, angles, angles);
  }
}
BENCHMARK(BM_Rotary)->Unit(benchmark::kMillisecond);

// What handing a loop to the pool costs.
void BM_ParallelFor(benchmark::State& state) {
  for (auto _ : state) pool().parallel_for(pool().size(), 1, [](int64_t, int64_t) {});
}
BENCHMARK(BM_ParallelFor);

}  // namespace
}  // namespace shijian

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::AddCustomContext(
      "isa", std::string(shijian::kernels::isa_name(shijian::kernels::active_isa())));
  benchmark::AddCustomContext("threads", std::to_string(shijian::pool().size()));
  benchmark::RunSpecifiedBenchmarks();
}
