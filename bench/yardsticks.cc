#include "yardsticks.h"

#include <immintrin.h>
#include <time.h>

#include <algorithm>
#include <atomic>

#include "kernels/isa.h"

namespace shijian {
namespace {

double now(clockid_t clock) {
  timespec time;
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Sixteen independent sums hide the latency of one.
__attribute__((target("avx512f"))) float multiply_512(int64_t rounds) {
  __m512 sum[16];
  for (__m512& s : sum) s = _mm512_set1_ps(1);
  const __m512 factor = _mm512_set1_ps(0.5f);
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < 16; ++j) sum[j] = _mm512_fmadd_ps(sum[j], factor, factor);
  }
  __m512 total = sum[0];
  for (int j = 1; j < 16; ++j) total = _mm512_add_ps(total, sum[j]);
  return _mm512_cvtss_f32(total);
}

__attribute__((target("avx2,fma"))) float multiply_256(int64_t rounds) {
  __m256 sum[12];
  for (__m256& s : sum) s = _mm256_set1_ps(1);
  const __m256 factor = _mm256_set1_ps(0.5f);
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (int j = 0; j < 12; ++j) sum[j] = _mm256_fmadd_ps(sum[j], factor, factor);
  }
  __m256 total = sum[0];
  for (int j = 1; j < 12; ++j) total = _mm256_add_ps(total, sum[j]);
  return _mm256_cvtss_f32(total);
}

float multiply_128(int64_t rounds) {
  __m128 sum[12];
  for (__m128& s : sum) s = _mm_set1_ps(1);
  const __m128 factor = _mm_set1_ps(0.5f);
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (int j = 0; j < 12; ++j) sum[j] = _mm_add_ps(_mm_mul_ps(sum[j], factor), factor);
  }
  __m128 total = sum[0];
  for (int j = 1; j < 12; ++j) total = _mm_add_ps(total, sum[j]);
  return _mm_cvtss_f32(total);
}

std::atomic<float> sink;  // keeps results from being optimised away

}  // namespace

Stopwatch::Stopwatch() : wall_(now(CLOCK_MONOTONIC)), core_(now(CLOCK_PROCESS_CPUTIME_ID)) {}
double Stopwatch::wall_seconds() const { return now(CLOCK_MONOTONIC) - wall_; }
double Stopwatch::core_seconds() const { return now(CLOCK_PROCESS_CPUTIME_ID) - core_; }

void Rate::add(double work, const Stopwatch& watch) {
  const double wall_time = watch.wall_seconds(), core_time = watch.core_seconds();
  wall = std::max(wall, work / wall_time);
  core = std::max(core, work / core_time);
}

void measure_peak(ThreadPool& pool, Rate& best) {
  const kernels::Isa isa = kernels::active_isa();
  constexpr int64_t kRounds = 200000;
  const double lanes = isa == kernels::Isa::kAvx512 ? 16 * 16
                       : isa == kernels::Isa::kAvx2 ? 12 * 8
                                                    : 12 * 4;
  const Stopwatch watch;
  pool.parallel_for(pool.size(), 1, [isa](int64_t, int64_t) {
    sink = isa == kernels::Isa::kAvx512 ? multiply_512(kRounds)
           : isa == kernels::Isa::kAvx2 ? multiply_256(kRounds)
                                        : multiply_128(kRounds);
  });
  best.add(2e-9 * lanes * kRounds * pool.size(), watch);
}

void measure_bandwidth(ThreadPool& pool, const float* data, size_t bytes, Rate& best) {
  constexpr int64_t kPiece = 1 << 18;  // floats: 1 MiB
  const Stopwatch watch;
  const auto count = static_cast<int64_t>(bytes / sizeof(float)) / 64 * 64;
  pool.parallel_for(count, kPiece, [data](int64_t begin, int64_t end) {
    __m128i sum[4] = {};
    for (int64_t i = begin; i < end; i += 16) {
      for (int j = 0; j < 4; ++j) {
        sum[j] = _mm_xor_si128(sum[j],
                               _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + i + 4 * j)));
      }
    }
    const __m128i all = _mm_xor_si128(_mm_xor_si128(sum[0], sum[1]), _mm_xor_si128(sum[2], sum[3]));
    sink = _mm_cvtss_f32(_mm_castsi128_ps(all));
  });
  best.add(1e-9 * static_cast<double>(bytes), watch);
}

}  // namespace shijian
