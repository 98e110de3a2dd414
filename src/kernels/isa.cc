#include "kernels/isa.h"

#include <cpuid.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"

namespace shijian::kernels {
namespace {

// The register state that the operating system saves on a task switch (XCR0).
uint64_t saved_state() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

Isa best_isa() {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return Isa::kScalar;
  const bool fma = c & bit_FMA, f16c = c & bit_F16C, avx = c & bit_AVX, osxsave = c & bit_OSXSAVE;
  if (!(fma && f16c && avx && osxsave)) return Isa::kScalar;
  constexpr uint64_t kYmm = 0x06, kZmm = 0xE6;  // XMM, YMM; and opmask, both halves of ZMM
  const uint64_t saved = saved_state();
  if ((saved & kYmm) != kYmm || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return Isa::kScalar;
  if (!(b & bit_AVX2)) return Isa::kScalar;
  constexpr uint32_t k512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
  return (b & k512) == k512 && (saved & kZmm) == kZmm ? Isa::kAvx512 : Isa::kAvx2;
}

Isa choose() {
  const char* wish = std::getenv("SHIJIAN_ISA");
  if (wish == nullptr || *wish == '\0') return best_isa();
  for (Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    if (isa_name(isa) != wish) continue;
    if (isa_supported(isa)) return isa;
    throw Error(ErrorCode::kUsage,
                "SHIJIAN_ISA={}: this machine supports at most {}"_text(wish, isa_name(best_isa())),
                "unset SHIJIAN_ISA to take the best one"_text);
  }
  throw Error(ErrorCode::kUsage, "SHIJIAN_ISA={}: unknown instruction set"_text(wish),
              "choose one of: scalar, avx2, avx512"_text);
}

constexpr int kUnset = -1;
std::atomic<int> chosen{kUnset};

}  // namespace

Isa active_isa() {
  int isa = chosen.load(std::memory_order_relaxed);
  if (isa == kUnset) {  // two threads may both choose: they choose alike
    isa = static_cast<int>(choose());
    chosen.store(isa, std::memory_order_relaxed);
  }
  return static_cast<Isa>(isa);
}

std::string_view isa_name(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return "scalar";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
  }
  return "unknown";
}

bool isa_supported(Isa isa) { return isa <= best_isa(); }

void force_isa(Isa isa) {
  CHECK(isa_supported(isa), "force_isa({})", isa_name(isa));
  chosen.store(static_cast<int>(isa), std::memory_order_relaxed);
}

}  // namespace shijian::kernels
