#include "model/kv_cache.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"

namespace shijian::model {
namespace {

TEST(KvCache, RowsOfALayerAreContiguousAndApartFromOthers) {
  KvCache cache(2, 3, 5);
  for (int64_t layer = 0; layer < 2; ++layer) {
    std::fill_n(cache.keys(layer, 0, 5).data, 15, static_cast<float>(10 * layer + 1));
    std::fill_n(cache.values(layer, 0, 5).data, 15, static_cast<float>(10 * layer + 2));
  }
  EXPECT_EQ(cache.keys(0, 4, 1).data[2], 1);
  EXPECT_EQ(cache.values(0, 0, 1).data[0], 2);
  EXPECT_EQ(cache.keys(1, 0, 1).data[0], 11);
  EXPECT_EQ(cache.values(1, 4, 1).data[2], 12);
  EXPECT_EQ(cache.keys(0, 3, 1).data, cache.keys(0, 0, 5).row(3));
}

TEST(KvCache, ALargeCapacityCostsNothingUntilUsed) {
  KvCache cache(36, 1024, 1'000'000);  // 295 GB of address space
  cache.keys(35, 999'999, 1).data[1023] = 1;
  EXPECT_EQ(cache.keys(35, 999'999, 1).data[1023], 1);
}

TEST(KvCache, TruncateKeepsTheRowsBefore) {
  KvCache cache(1, 512, 100);
  cache.extend(100);
  for (int64_t i = 0; i < 100; ++i)
    std::fill_n(cache.values(0, i, 1).data, 512, static_cast<float>(i));
  cache.truncate(33);
  EXPECT_EQ(cache.length(), 33);
  for (int64_t i = 0; i < 33; ++i) EXPECT_EQ(cache.values(0, i, 1).data[511], i);
  cache.extend(67);
  EXPECT_THROW(cache.extend(1), Error);
}

TEST(KvCache, MovesAndRefusesSizesThatOverflow) {
  KvCache cache(1, 4, 4);
  cache.extend(3);
  cache.keys(0, 0, 1).data[0] = 5;
  KvCache moved = std::move(cache);
  EXPECT_EQ(moved.length(), 3);
  EXPECT_EQ(moved.keys(0, 0, 1).data[0], 5);
  EXPECT_THROW(KvCache(1, 4, 0), Error);
  EXPECT_THROW(KvCache(1LL << 40, 1LL << 40, 1LL << 40), Error);
  EXPECT_THROW(KvCache(1, 1LL << 40, 1LL << 20), Error);
}

}  // namespace
}  // namespace shijian::model
