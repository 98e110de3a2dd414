#include "base/time_code.h"

#include <gtest/gtest.h>

#include <limits>

namespace shijian {
namespace {

TEST(TimeFormat, KnowsItsFourNames) {
  EXPECT_EQ(parse_time_format("HH:MM:SS.sss"), TimeFormat::kHoursMillis);
  EXPECT_EQ(parse_time_format("MM:SS.ff"), TimeFormat::kMinutesCentis);
  EXPECT_EQ(parse_time_format("seconds"), TimeFormat::kSeconds);
  EXPECT_EQ(parse_time_format("frames"), TimeFormat::kFrames);
  EXPECT_FALSE(parse_time_format("hh:mm:ss"));
  EXPECT_FALSE(parse_time_format(""));
}

TEST(FormatTime, RoundsToTheLastDigitAndCarries) {
  EXPECT_EQ(format_time(0, TimeFormat::kHoursMillis), "00:00:00.000");
  EXPECT_EQ(format_time(3661.2344, TimeFormat::kHoursMillis), "01:01:01.234");
  EXPECT_EQ(format_time(59.9996, TimeFormat::kHoursMillis), "00:01:00.000");
  EXPECT_EQ(format_time(3599.9999, TimeFormat::kHoursMillis), "01:00:00.000");
  EXPECT_EQ(format_time(360000, TimeFormat::kHoursMillis), "100:00:00.000");
  EXPECT_EQ(format_time(59.996, TimeFormat::kMinutesCentis), "01:00.00");
  EXPECT_EQ(format_time(4000.5, TimeFormat::kMinutesCentis), "66:40.50");
  EXPECT_EQ(format_time(12.3456, TimeFormat::kSeconds), "12.346");
  EXPECT_EQ(format_time(0.05, TimeFormat::kSeconds), "0.050");
  EXPECT_EQ(format_time(2.0, TimeFormat::kFrames, 29.97), "60");
  EXPECT_EQ(format_time(2.0, TimeFormat::kFrames), "0");
}

TEST(FormatTime, SurvivesWhatIsNoTime) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinite = std::numeric_limits<double>::infinity();
  for (TimeFormat format : {TimeFormat::kHoursMillis, TimeFormat::kMinutesCentis,
                            TimeFormat::kSeconds, TimeFormat::kFrames}) {
    EXPECT_EQ(format_time(-5, format, 25), format_time(0, format, 25));
    EXPECT_EQ(format_time(nan, format, 25), format_time(0, format, 25));
    EXPECT_EQ(format_time(infinite, format, 25).find('-'), std::string::npos);
    EXPECT_EQ(format_time(1e300, format, infinite).find('-'), std::string::npos);
    EXPECT_EQ(format_time(1, format, nan), format_time(1, format, nan));
  }
}

TEST(ParseTime, ReadsSecondsAndClocks) {
  const struct {
    const char* text;
    double seconds;
  } cases[] = {{"83.5", 83.5},
               {"1:23.5", 83.5},
               {"01:23.50", 83.5},
               {"00:01:23.500", 83.5},
               {"00:01:23,500", 83.5},
               {" 7 ", 7},
               {"12.25s", 12.25},
               {"90:00", 5400},
               {"100:00:00", 360000},
               {"0", 0},
               {"123456.789", 123456.789},
               {"0.4800000000000001", 0.4800000000000001},
               {"1:00.33333333333333333333", 60 + 1 / 3.0}};
  for (const auto& c : cases) {
    const auto seconds = parse_time(c.text);
    ASSERT_TRUE(seconds) << c.text;
    EXPECT_DOUBLE_EQ(*seconds, c.seconds) << c.text;
  }
}

TEST(ParseTime, RefusesWhatIsNone) {
  for (const char* text : {"",
                           " ",
                           "s",
                           "-1",
                           "1:60",
                           "1:75:00",
                           "1:2:3:4",
                           "nan",
                           "inf",
                           "1e5",
                           "1.2.3",
                           "5.",
                           ".5",
                           "1:",
                           ":30",
                           "0x10",
                           "12 34",
                           "1:-5",
                           "99999999999999",
                           "１２"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(ParseTime, ReadsBackWhatFormatWrote) {
  for (double seconds : {0.0, 0.001, 0.999, 59.999, 60.0, 61.5, 3599.999, 3600.0, 86400.125}) {
    const auto back = parse_time(format_time(seconds, TimeFormat::kHoursMillis));
    ASSERT_TRUE(back);
    EXPECT_NEAR(*back, seconds, 1e-9);
    EXPECT_NEAR(*parse_time(format_time(seconds, TimeFormat::kSeconds)), seconds, 1e-9);
    EXPECT_NEAR(*parse_time(format_time(seconds, TimeFormat::kMinutesCentis)), seconds, 0.0051);
  }
}

}  // namespace
}  // namespace shijian
