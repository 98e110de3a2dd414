#include "http/sessions.h"

#include <gtest/gtest.h>

namespace shijian::http {
namespace {

constexpr Sessions::Time kStart{};

TEST(Sessions, EndWhenTheyAreClosedOrExpire) {
  Sessions sessions;
  const std::string one = sessions.open(1, kStart);
  const std::string two = sessions.open(2, kStart + std::chrono::hours(1));
  EXPECT_EQ(one.size(), 64u);
  EXPECT_NE(one, two);
  EXPECT_EQ(sessions.find(one, kStart), 1);
  EXPECT_EQ(sessions.find(two, kStart), 2);
  for (const std::string& wrong : {std::string(), one.substr(1), one + "0", std::string(64, '0')})
    EXPECT_EQ(sessions.find(wrong, kStart), 0) << wrong;
  EXPECT_EQ(sessions.find(one, kStart + Sessions::kLifetime), 0);
  EXPECT_EQ(sessions.find(two, kStart + Sessions::kLifetime), 2);
  sessions.close(two);
  EXPECT_EQ(sessions.find(two, kStart), 0);
  EXPECT_EQ(sessions.find(one, kStart), 1);
}

TEST(Sessions, TheOldestMakesRoom) {
  Sessions sessions;
  const std::string first = sessions.open(1, kStart);
  const std::string second = sessions.open(2, kStart);
  for (size_t i = 2; i <= Sessions::kMost; ++i) sessions.open(3, kStart);
  EXPECT_EQ(sessions.find(first, kStart), 0);
  EXPECT_EQ(sessions.find(second, kStart), 2);
}

TEST(SessionToken, IsFoundAmongOtherCookies) {
  const auto token = [](const char* cookie) {
    HttpRequest request;
    request.headers["cookie"] = cookie;
    return std::string(session_token(request));
  };
  EXPECT_EQ(token("shijian_session=ab"), "ab");
  EXPECT_EQ(token("a=b;shijian_session=ab ; c"), "ab");
  EXPECT_EQ(token("xshijian_session=ab; shijian_session2=ab; shijian_session; ;"), "");
  EXPECT_EQ(token(""), "");
}

}  // namespace
}  // namespace shijian::http
