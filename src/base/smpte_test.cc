#include "base/smpte.h"

#include <gtest/gtest.h>

namespace shijian {
namespace {

constexpr EditRate kPal{25, 1}, kNtsc{30000, 1001}, kDouble{60000, 1001}, kFilm{24000, 1001};

TEST(Smpte, CountsFrames) {
  EXPECT_EQ(write_time_code({0}, kPal), "00:00:00:00");
  EXPECT_EQ(write_time_code({90000 + 113}, kPal), "01:00:04:13");
  EXPECT_EQ(write_time_code({1000}, kNtsc), "00:00:33:10");
  EXPECT_EQ(write_time_code({24 * 3600 * 25}, kPal), "00:00:00:00");
}

// The values of SMPTE ST 12-1: numbers 0 and 1 are left out in minutes that ten does not divide.
TEST(Smpte, DropsNumbers) {
  EXPECT_EQ(write_time_code({1799, true}, kNtsc), "00:00:59;29");
  EXPECT_EQ(write_time_code({1800, true}, kNtsc), "00:01:00;02");
  EXPECT_EQ(write_time_code({17981, true}, kNtsc), "00:09:59;29");
  EXPECT_EQ(write_time_code({17982, true}, kNtsc), "00:10:00;00");
  EXPECT_EQ(write_time_code({107892, true}, kNtsc), "01:00:00;00");
  EXPECT_EQ(write_time_code({3600, true}, kDouble), "00:01:00;04");
  EXPECT_EQ(write_time_code({215784, true}, kDouble), "01:00:00;00");
}

TEST(Smpte, ReadsWhatItWrites) {
  for (const EditRate& rate : {kPal, kNtsc, kDouble, kFilm, EditRate{10, 1}}) {
    for (const bool drop : {false, true}) {
      if (drop && !rate.can_drop()) continue;
      // A day of drop-frame numbers lacks one in a thousand.
      const int64_t day = rate.whole() * 3600 * 24 * (drop ? 999 : 1000) / 1000;
      for (int64_t frame = 0; frame < day; frame += 997) {
        const auto read = read_time_code(write_time_code({frame, drop}, rate), rate);
        ASSERT_TRUE(read);
        ASSERT_EQ(read->frame, frame);
        ASSERT_EQ(read->drop, drop);
      }
    }
  }
  EXPECT_FALSE(read_time_code("01:00:00;00", kPal)->drop);
  for (const char* wrong : {"", "1", "01:00:00", "01:00:00:25", "24:00:00:00", "01:60:00:00",
                            "01:00:00:00 ", "a1:00:00:00", "01:00:00:9999"}) {
    EXPECT_FALSE(read_time_code(wrong, kPal)) << wrong;
  }
}

TEST(Smpte, KnowsTheRates) {
  EXPECT_TRUE(kNtsc.can_drop() && kDouble.can_drop());
  EXPECT_FALSE(kFilm.can_drop() || kPal.can_drop());
  EXPECT_TRUE(kFilm.television());
  EXPECT_EQ(kFilm.whole(), 24);
}

}  // namespace
}  // namespace shijian
