// Which instruction set the kernels use: chosen once, from CPUID and what the system saves.
#pragma once

#include <string_view>

namespace shijian::kernels {

enum class Isa { kScalar, kAvx2, kAvx512 };  // kAvx2 includes FMA and F16C; kAvx512: F, BW, DQ, VL

// The best one that CPU and system support; SHIJIAN_ISA=scalar|avx2|avx512 forces a lower one
// (an unknown or unsupported name is an Error(kUsage)). Selected at first use.
Isa active_isa();
std::string_view isa_name(Isa isa);
bool isa_supported(Isa isa);

// For tests and benches: overrides the choice for the whole process.
void force_isa(Isa isa);

}  // namespace shijian::kernels
