#include "model/rope.h"

#include <gtest/gtest.h>

#include <cmath>

namespace shijian::model {
namespace {

checkpoint::TextConfig text_config() {
  checkpoint::TextConfig config;
  config.head_dim = 128;
  config.rope.theta = 5e6;
  config.rope.mrope_section = {24, 20, 20};
  return config;
}

struct Expected {
  int64_t index;
  float cos;
  float sin;
};

// One token at three different positions, so that a frequency on the wrong axis shows.
void expect_tables(const checkpoint::TextConfig& config, int32_t time,
                   std::span<const Expected> expected) {
  PositionIds ids;
  ids.time = {0, time};
  ids.row = {0, 12345};
  ids.col = {0, 777};
  const TextRope rope(config);
  ASSERT_EQ(rope.angles(), 64);
  std::vector<float> cos(64);
  std::vector<float> sin(64);
  rope.tables(ids, 1, {cos.data(), 1, 64}, {sin.data(), 1, 64});
  for (const Expected& e : expected) {
    EXPECT_NEAR(cos[static_cast<size_t>(e.index)], e.cos, 2e-7) << e.index;
    EXPECT_NEAR(sin[static_cast<size_t>(e.index)], e.sin, 2e-7) << e.index;
  }
}

// The numbers of these two tests are the reference's.
TEST(Rope, InterleavedPositionsAtTheEndOfTheContext) {
  const Expected expected[] = {{0, -0.6091614961624146f, 0.7930461764335632f},
                               {1, 0.986116886138916f, -0.16605249047279358f},
                               {2, -0.6645897030830383f, 0.7472085356712341f},
                               {28, -0.33374258875846863f, 0.9426642656326294f},
                               {29, 0.7543969750404358f, 0.6564184427261353f},
                               {41, 0.9992116689682007f, 0.039698969572782516f},
                               {59, 0.9999998807907104f, 0.000518570770509541f},
                               {60, 0.9905638694763184f, 0.13705183565616608f},
                               {61, 0.9941694140434265f, 0.10782942175865173f},
                               {62, 0.9963980913162231f, 0.08479870110750198f},
                               {63, 0.9977751970291138f, 0.06666799634695053f}};
  expect_tables(text_config(), 262143, expected);
}

TEST(Rope, YarnBeyondTheOriginalContext) {
  checkpoint::TextConfig config = text_config();
  config.rope.type = checkpoint::RopeType::kYarn;
  config.rope.factor = 3;
  config.rope.original_max_position = 262144;
  config.rope.attention_factor = 1.109861228866811;
  const Expected expected[] = {{0, -0.8140521049499512f, 0.7543945908546448f},
                               {1, 1.094452977180481f, -0.18429522216320038f},
                               {2, -0.7376023530960083f, 0.8292977809906006f},
                               {28, -0.37040796875953674f, 1.0462265014648438f},
                               {29, 0.8372759819030762f, 0.7285333871841431f},
                               {41, 1.109642505645752f, 0.02203451469540596f},
                               {59, 1.1098612546920776f, 0.00019184719712939113f},
                               {60, 1.0993883609771729f, 0.15210890769958496f},
                               {61, 1.103390097618103f, 0.11967600136995316f},
                               {62, 1.1058636903762817f, 0.09411504119634628f},
                               {63, 1.1073920726776123f, 0.07399241626262665f}};
  expect_tables(config, 786431, expected);
}

TEST(Rope, FrequenciesAreCorrectlyRoundedPowers) {
  const std::vector<float> inv_freq = rope_inv_freq(10000, 64);
  ASSERT_EQ(inv_freq.size(), 32u);
  EXPECT_EQ(inv_freq[0], 1.0f);
  EXPECT_EQ(inv_freq[16], 0.01f);
  for (size_t i = 0; i < 32; ++i)
    EXPECT_NEAR(inv_freq[i] * std::pow(10000.0, static_cast<double>(i) / 32), 1, 2e-7) << i;
}

TEST(Rope, VisionTablesInMergeBlockOrder) {
  const int64_t head_dim = 8;  // two frequencies an axis: 1 and 0.01
  std::vector<float> cos(4 * 6 * 4);
  std::vector<float> sin(4 * 6 * 4);
  vision_rope_tables(4, 6, 2, head_dim, {cos.data(), 24, 4}, {sin.data(), 24, 4});
  // Patch 2 is row 1, column 0; patch 4 begins the second block: row 0, column 2; patch 15 is the
  // last of the second block row's first block: row 3, column 1.
  const struct {
    int64_t patch, row, col;
  } places[] = {{0, 0, 0}, {1, 0, 1}, {2, 1, 0}, {4, 0, 2}, {12, 2, 0}, {15, 3, 1}, {23, 3, 5}};
  for (const auto& place : places) {
    const float* c = cos.data() + place.patch * 4;
    const float* s = sin.data() + place.patch * 4;
    const auto row = static_cast<float>(place.row);
    const auto col = static_cast<float>(place.col);
    EXPECT_FLOAT_EQ(c[0], std::cos(row)) << place.patch;
    EXPECT_FLOAT_EQ(s[1], std::sin(row * 0.01f)) << place.patch;
    EXPECT_FLOAT_EQ(s[2], std::sin(col)) << place.patch;
    EXPECT_FLOAT_EQ(c[3], std::cos(col * 0.01f)) << place.patch;
  }
}

}  // namespace
}  // namespace shijian::model
