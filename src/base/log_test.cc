#include "base/log.h"

#include <gtest/gtest.h>

namespace shijian {
namespace {

TEST(Log, OneLineForEachEvent) {
  const OrderedJson fields = {{"id", "9f3c"},    {"path", "/a b\n2026-01-01 error forged"},
                              {"empty", ""},     {"status", 403},
                              {"seconds", 0.25}, {"gone", true}};
  EXPECT_EQ(log_fields("request", fields, false),
            R"(request id=9f3c path="/a b\n2026-01-01 error forged" empty="" status=403 )"
            "seconds=0.250 gone=true");
  const Json line = Json::parse("{" + log_fields("request", fields, true) + "}");
  EXPECT_EQ(line["event"], "request");
  EXPECT_EQ(line["path"], "/a b\n2026-01-01 error forged");
  EXPECT_EQ(line["status"], 403);
  // No text can end a line or a field.
  for (const char* text : {"\n", "a=b", "\"", " ", "\x1b[2J", "\xff", "\xe2\x80\xa8"}) {
    const std::string out = log_fields("e", {{"t", text}}, false);
    EXPECT_EQ(out.find('\n'), std::string::npos);
    EXPECT_EQ(out.find('\x1b'), std::string::npos);
    EXPECT_EQ(out.substr(0, 5), "e t=\"") << out;
    EXPECT_TRUE(Json::accept("{" + log_fields("e", {{"t", text}}, true) + "}"));
  }
}

TEST(Log, WritesFromItsLevelOn) {
  ::testing::internal::CaptureStderr();
  set_log({.json = true, .level = LogLevel::kWarning});
  log_event(LogLevel::kInfo, "usual", {{"n", 1}});
  log_event(LogLevel::kError, "broken", {{"why", "disk \"full\""}});
  set_log({});
  log_event(LogLevel::kInfo, "usual", {{"n", 1}});
  log_event(LogLevel::kDebug, "detail", {{"n", 1}});
  const std::string written = ::testing::internal::GetCapturedStderr();
  const size_t end = written.find('\n');
  ASSERT_NE(end, std::string::npos);
  const Json line = Json::parse(written.substr(0, end));
  EXPECT_EQ(line["level"], "error");
  EXPECT_EQ(line["event"], "broken");
  EXPECT_EQ(line["why"], "disk \"full\"");
  const std::string second = written.substr(end + 1);
  const std::string time = line["time"];
  EXPECT_EQ(time.size(), std::string("2026-11-22T18:30:05.123Z").size());
  EXPECT_EQ(second.substr(second.find(' ')), " info usual n=1\n");
}

TEST(Log, LevelsHaveNames) {
  EXPECT_EQ(parse_log_level("warning"), LogLevel::kWarning);
  EXPECT_EQ(parse_log_level("loud"), std::nullopt);
}

}  // namespace
}  // namespace shijian
