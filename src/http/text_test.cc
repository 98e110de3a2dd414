#include "http/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shijian::http {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(HttpText, DecodesPercentEscapes) {
  EXPECT_EQ(percent_decode("a%20b%e4%B8%ad+"), "a b中+");
  EXPECT_EQ(percent_decode("a+b%2B", true), "a b+");
  EXPECT_EQ(percent_decode("%00"), std::string(1, '\0'));
  for (const char* bad : {"%", "%4", "a%zz", "%4g", "%-1"})
    EXPECT_EQ(percent_decode(bad), std::nullopt) << bad;
}

TEST(HttpText, KnowsTokens) {
  EXPECT_TRUE(is_token("X-Request-Id"));
  for (const char* bad : {"", "a b", "a:", "a\n", "\xc3\xa9", "a(b)"}) EXPECT_FALSE(is_token(bad));
}

TEST(HttpText, ReadsParameters) {
  const auto plain = parse_header_value("Application/JSON ; Charset=utf-8");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->value, "application/json");
  EXPECT_THAT(plain->parameters, ElementsAre(Pair("charset", "utf-8")));

  const auto quoted =
      parse_header_value(R"(form-data; name="a;b"; filename="c:\d \"e\" \\.mp4" ;)");
  ASSERT_TRUE(quoted);
  EXPECT_THAT(quoted->parameters,
              ElementsAre(Pair("filename", R"(c:\d "e" \.mp4)"), Pair("name", "a;b")));

  for (const char* bad : {"a; b", "a; =c", "a; b=\"c", "a; b=\"c\"d", "a; b=1; B=2", "a; b c=d"})
    EXPECT_FALSE(parse_header_value(bad)) << bad;
}

}  // namespace

}  // namespace shijian::http
