#include "base/accept.h"

#include <gtest/gtest.h>

namespace shijian {
namespace {

TEST(Accept, HasWeights) {
  const auto entries = read_accept(" zh-CN , en;q=0.5,, de; level=1; Q=0.25 ,fr;q=, it;q=7");
  ASSERT_EQ(entries.size(), 5u);
  EXPECT_EQ(entries[0].value, "zh-CN");
  EXPECT_EQ(entries[0].weight, 1);
  EXPECT_EQ(entries[1].weight, 0.5);
  EXPECT_EQ(entries[2].value, "de");
  EXPECT_EQ(entries[2].weight, 0.25);
  EXPECT_EQ(entries[3].weight, 0);
  EXPECT_EQ(entries[4].weight, 1);
}

TEST(Accept, GzipOnlyWhereItIsTaken) {
  for (const char* header : {"gzip", "GZIP", "x-gzip", "br, gzip;q=0.1", "*", "deflate, *;q=0.5",
                             "gzip;q=1.0, identity; q=0.5, *;q=0", "identity;q=0.5, gzip;q=0.5"}) {
    EXPECT_TRUE(accepts_gzip(header)) << header;
  }
  for (const char* header : {"", "br", "gzip;q=0", "gzip; q=0.000", "*;q=0", "gzip;q=0, *",
                             "identity", "gzip;q=0.5, identity;q=1", "gzipped", "notgzip"}) {
    EXPECT_FALSE(accepts_gzip(header)) << header;
  }
}

}  // namespace
}  // namespace shijian
