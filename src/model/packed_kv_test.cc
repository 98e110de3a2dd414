#include "model/packed_kv.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace shijian::model {
namespace {

class PackedKvTest : public testing::Test {
 protected:
  // Rows of magnitudes from 1e-3 to 1e3, and some of nothing.
  static KvCache random_cache(int64_t width, int64_t tokens) {
    KvCache cache(2, width, tokens + 3);
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    for (int64_t plane = 0; plane < cache.planes(); ++plane) {
      const tensor::Matrix rows = cache.plane(plane, 0, tokens);
      for (int64_t row = 0; row < tokens; ++row) {
        const float size = row % 5 == 4 ? 0 : std::pow(10.0f, static_cast<float>(row % 7 - 3));
        for (int64_t i = 0; i < width; ++i) rows.row(row)[i] = normal(random) * size;
      }
    }
    cache.extend(tokens);
    return cache;
  }
  KvCache unpacked(const PackedKv& packed, int64_t width, int64_t tokens) {
    KvCache cache(2, width, tokens + 10);
    packed.unpack(pool_, tokens, cache);
    EXPECT_EQ(cache.length(), tokens);
    return cache;
  }

  ThreadPool pool_{2};
};

// Of widths that groups of 32 divide, and not.
TEST_F(PackedKvTest, ValuesComeBackWithinHalfAStep) {
  for (const int64_t width : {1, 16, 32, 33, 80, 256}) {
    KvCache cache = random_cache(width, 150);
    KvCache back = unpacked(PackedKv(pool_, cache), width, 150);
    for (int64_t plane = 0; plane < cache.planes(); ++plane) {
      for (int64_t row = 0; row < 150; ++row) {
        const float* in = cache.plane(plane, row, 1).data;
        const float* out = back.plane(plane, row, 1).data;
        for (int64_t first = 0; first < width; first += 32) {
          const int64_t end = std::min(first + 32, width);
          float top = 0;
          for (int64_t i = first; i < end; ++i) top = std::max(top, std::abs(in[i]));
          for (int64_t i = first; i < end; ++i) {
            ASSERT_LE(std::abs(in[i] - out[i]), top / 127 * 0.5001f) << width << " " << row;
            if (std::abs(in[i]) == top) {
              ASSERT_NEAR(out[i], in[i], top * 1e-6f);
            }
          }
        }
      }
    }
  }
}

TEST_F(PackedKvTest, PackingAgainLosesNoMore) {
  KvCache cache = random_cache(80, 100);
  KvCache once = unpacked(PackedKv(pool_, cache), 80, 100);
  KvCache often = unpacked(PackedKv(pool_, once), 80, 100);
  for (int i = 0; i < 5; ++i) often = unpacked(PackedKv(pool_, often), 80, 100);
  for (int64_t plane = 0; plane < cache.planes(); ++plane) {
    const float* a = once.plane(plane, 0, 100).data;
    const float* b = often.plane(plane, 0, 100).data;
    for (int64_t i = 0; i < 80 * 100; ++i) ASSERT_NEAR(a[i], b[i], std::abs(a[i]) * 1e-6f);
  }
}

TEST_F(PackedKvTest, OnlyTheBeginningWhereThatIsAsked) {
  KvCache cache = random_cache(32, 100);
  KvCache back = unpacked(PackedKv(pool_, cache), 32, 41);
  EXPECT_NEAR(back.values(1, 40, 1).data[3], cache.values(1, 40, 1).data[3], 1);
  EXPECT_EQ(back.values(1, 41, 1).data[3], 0);
}

TEST_F(PackedKvTest, WhatIsNotFiniteSpoilsItsGroupAlone) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}) {
    KvCache cache = random_cache(64, 2);
    cache.keys(0, 1, 1).data[40] = bad;
    KvCache back = unpacked(PackedKv(pool_, cache), 64, 2);
    EXPECT_TRUE(std::isfinite(back.keys(0, 1, 1).data[31]));
    for (int64_t i = 32; i < 64; ++i) EXPECT_FALSE(std::isfinite(back.keys(0, 1, 1).data[i]));
    EXPECT_TRUE(std::isfinite(back.keys(0, 0, 1).data[40]));
  }
}

TEST_F(PackedKvTest, TinyValuesAreNothing) {
  KvCache cache(1, 32, 4);
  std::fill_n(cache.keys(0, 0, 1).data, 32, 1e-40f);
  cache.extend(1);
  KvCache back(1, 32, 4);
  PackedKv(pool_, cache).unpack(pool_, 1, back);
  for (int i = 0; i < 32; ++i) EXPECT_EQ(back.keys(0, 0, 1).data[i], 0);
}

TEST_F(PackedKvTest, TakesNineBitsAValue) {
  EXPECT_EQ(PackedKv::bytes_for(28, 1024, 1000), 28 * 2 * 1000 * 1024 * 9 / 8);
  EXPECT_LT(PackedKv::bytes_for(1, 16, 10), KvCache::bytes_for(1, 16, 10));
}

}  // namespace
}  // namespace shijian::model
