#include "cache/memory_lru.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace shijian::cache {
namespace {

using testing::ElementsAre;

std::vector<std::string> keys(const MemoryLru<std::string, int>& lru) {
  std::vector<std::string> all;
  for (const auto& entry : lru.entries()) all.push_back(entry.key);
  return all;
}

TEST(MemoryLru, TheLeastRecentlyUsedGoes) {
  MemoryLru<std::string, int> lru(30);
  lru.put("a", 1, 10);
  lru.put("b", 2, 10);
  lru.put("c", 3, 10);
  ASSERT_NE(lru.find("a"), nullptr);
  EXPECT_EQ(*lru.find("a"), 1);
  lru.put("d", 4, 10);
  EXPECT_THAT(keys(lru), ElementsAre("d", "a", "c"));
  EXPECT_EQ(lru.find("b"), nullptr);
  EXPECT_EQ(lru.bytes(), 30);
  lru.put("e", 5, 25);
  EXPECT_THAT(keys(lru), ElementsAre("e"));
}

TEST(MemoryLru, TheLatestStaysHoweverLarge) {
  MemoryLru<std::string, int> lru(30);
  lru.put("a", 1, 10);
  lru.put("b", 2, 1000);
  EXPECT_THAT(keys(lru), ElementsAre("b"));
  lru.put("c", 3, 10);
  EXPECT_THAT(keys(lru), ElementsAre("c"));
  EXPECT_EQ(lru.bytes(), 10);
}

TEST(MemoryLru, AKeyHasOneValue) {
  MemoryLru<std::string, int> lru(30);
  lru.put("a", 1, 10);
  lru.put("b", 2, 10);
  lru.put("a", 3, 15);
  EXPECT_THAT(keys(lru), ElementsAre("a", "b"));
  EXPECT_EQ(*lru.find("a"), 3);
  EXPECT_EQ(lru.bytes(), 25);
}

TEST(MemoryLru, TakeHandsOver) {
  MemoryLru<int, std::unique_ptr<int>> lru(30);
  lru.put(1, std::make_unique<int>(7), 10);
  const auto taken = lru.take(1);
  ASSERT_TRUE(taken);
  EXPECT_EQ(**taken, 7);
  EXPECT_FALSE(lru.take(1));
  EXPECT_EQ(lru.bytes(), 0);
  EXPECT_TRUE(lru.entries().empty());
}

}  // namespace
}  // namespace shijian::cache
