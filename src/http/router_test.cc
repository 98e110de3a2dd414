#include "http/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/limits.h"

namespace shijian::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Router with_routes(std::initializer_list<std::pair<const char*, const char*>> routes) {
  Router router;
  for (const auto& [method, pattern] : routes) router.add(method, pattern, {}, nullptr, nullptr);
  return router;
}

TEST(Router, CapturesWholeParts) {
  const Router router =
      with_routes({{"GET", "/"}, {"GET", "/jobs/{}"}, {"POST", "/jobs/{}/clip/{}"}});
  EXPECT_TRUE(router.match("GET", "/").route);
  EXPECT_THAT(router.match("GET", "/jobs/a b").captures, ElementsAre("a b"));
  EXPECT_THAT(router.match("POST", "/jobs/7/clip/x").captures, ElementsAre("7", "x"));
  for (const char* path :
       {"/jobs", "/jobs/", "/jobs/1/", "/jobs/1/2", "//", "/jobs//clip/x", "/Jobs/1"}) {
    EXPECT_FALSE(router.match("GET", path).route) << path;
    EXPECT_THAT(router.match("GET", path).allowed, IsEmpty()) << path;
  }
}

TEST(Router, PrefersWhatIsWrittenOut) {
  const Router router =
      with_routes({{"GET", "/{}/b"}, {"GET", "/a/{}"}, {"GET", "/a/b"}, {"GET", "/{}/{}"}});
  EXPECT_THAT(router.match("GET", "/a/b").route->parts, ElementsAre("a", "b"));
  EXPECT_THAT(router.match("GET", "/a/c").route->parts, ElementsAre("a", "{}"));
  EXPECT_THAT(router.match("GET", "/c/b").route->parts, ElementsAre("{}", "b"));
  EXPECT_THAT(router.match("GET", "/c/d").captures, ElementsAre("c", "d"));
}

TEST(Router, SaysWhatIsAllowed) {
  const Router router = with_routes({{"GET", "/a"}, {"POST", "/a"}, {"PUT", "/{}"}});
  EXPECT_TRUE(router.match("HEAD", "/a").route);
  EXPECT_EQ(router.match("DELETE", "/a").allowed, "GET, HEAD, OPTIONS, POST, PUT");
  EXPECT_EQ(router.match("GET", "/b").allowed, "OPTIONS, PUT");
  EXPECT_FALSE(router.match("HEAD", "/b").route);
}

TEST(RouterDeathTest, RefusesTheSameRouteTwice) {
  Router router = with_routes({{"GET", "/a/{}"}});
  router.add("PUT", "/a/{}", {}, nullptr, nullptr);
  EXPECT_DEATH(router.add("GET", "/a/{}", {}, nullptr, nullptr), "route /a/");
}

TEST(HttpKeys, FindsTheKey) {
  const std::vector<std::string> keys = {"first", "second key", "x"};
  EXPECT_EQ(find_key("Bearer first", keys), 1);
  EXPECT_EQ(find_key("bearer  second key", keys), 2);
  EXPECT_EQ(find_key("Bearer x", keys), 3);
  for (const char* wrong : {"", "Bearer", "Bearer ", "first", "Basic first", "Bearer firs",
                            "Bearer firstx", "Bearer xx", "Bearer FIRST", "Bearer\tx"})
    EXPECT_EQ(find_key(wrong, keys), 0) << wrong;
  EXPECT_EQ(find_key(std::string("Bearer x\0", 9), keys), 0);
}

TEST(RateLimiter, RefillsWithTime) {
  RateLimiter limiter(2);
  const RateLimiter::Time start = std::chrono::steady_clock::now();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(limiter.take("a", start), 0) << i;
  EXPECT_EQ(limiter.take("a", start), 1);
  EXPECT_EQ(limiter.take("b", start), 0);  // each client has its own
  EXPECT_EQ(limiter.take("a", start + std::chrono::milliseconds(600)), 0);
  EXPECT_EQ(limiter.take("a", start + std::chrono::milliseconds(700)), 1);
  const auto later = start + std::chrono::hours(1);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(limiter.take("a", later), 0) << i;
  EXPECT_EQ(limiter.take("a", later), 1);
}

TEST(RateLimiter, SaysHowLongToWait) {
  RateLimiter slow(0.1);
  const RateLimiter::Time now = std::chrono::steady_clock::now();
  EXPECT_EQ(slow.take("a", now), 0);
  EXPECT_EQ(slow.take("a", now), 10);
  RateLimiter none(0);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(none.take("a", now), 0);
}

}  // namespace
}  // namespace shijian::http
