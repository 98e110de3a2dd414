#include "kernels/isa.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "base/error.h"

namespace shijian::kernels {
namespace {

TEST(IsaTest, NamesAndSupport) {
  EXPECT_EQ(isa_name(Isa::kScalar), "scalar");
  EXPECT_EQ(isa_name(Isa::kAvx2), "avx2");
  EXPECT_EQ(isa_name(Isa::kAvx512), "avx512");
  EXPECT_TRUE(isa_supported(Isa::kScalar));
  EXPECT_TRUE(isa_supported(active_isa()));
  EXPECT_TRUE(isa_supported(Isa::kAvx2) || !isa_supported(Isa::kAvx512));
}

// What a fresh process chooses with SHIJIAN_ISA set to `wish`: told on stderr.
[[noreturn]] void choose(const char* wish) {
  ::setenv("SHIJIAN_ISA", wish, 1);
  try {
    const Isa isa = active_isa();
    std::fprintf(stderr, "chose %s\n", std::string(isa_name(isa)).c_str());
  } catch (const Error& error) {
    std::fprintf(stderr, "%s; %s\n", error.message().c_str(), error.hint().c_str());
    std::exit(error.code() == ErrorCode::kUsage ? 2 : 1);
  }
  std::exit(0);
}

TEST(IsaDeathTest, EnvironmentForcesTheChoice) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a new process, where nothing is chosen yet
  EXPECT_EXIT(choose("scalar"), ::testing::ExitedWithCode(0), "chose scalar");
  if (isa_supported(Isa::kAvx2)) {
    EXPECT_EXIT(choose("avx2"), ::testing::ExitedWithCode(0), "chose avx2");
  }
  EXPECT_EXIT(choose("sse9"), ::testing::ExitedWithCode(2),
              "SHIJIAN_ISA=sse9: unknown instruction set; choose one of: scalar, avx2, avx512");
}

}  // namespace
}  // namespace shijian::kernels
