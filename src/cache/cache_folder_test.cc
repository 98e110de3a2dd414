#include "cache/cache_folder.h"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace shijian::cache {
namespace {

TEST(CacheFolder, FollowsTheEnvironment) {
  ::setenv("HOME", "/home/someone", 1);
  ::setenv("XDG_CACHE_HOME", "/var/cache/someone", 1);
  EXPECT_EQ(default_cache_folder(), "/var/cache/someone/shijian");
  ::setenv("XDG_CACHE_HOME", "relative", 1);
  EXPECT_EQ(default_cache_folder(), "/home/someone/.cache/shijian");
  ::unsetenv("XDG_CACHE_HOME");
  EXPECT_EQ(default_cache_folder(), "/home/someone/.cache/shijian");
  ::unsetenv("HOME");
  EXPECT_EQ(default_cache_folder(), "");
}

}  // namespace
}  // namespace shijian::cache
