#include "jobs/job_error.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace shijian::jobs {
namespace {

TEST(JobError, KeepsItsTexts) {
  const Error error(ErrorCode::kInvalid,
                    "open video {}: {}"_text("狗.mp4", "it holds no video stream"_text),
                    "convert it"_text);
  const std::string row = write_job_error(error);
  const Json json = parse_json(row, "row");
  EXPECT_EQ(json["code"], "invalid");
  EXPECT_EQ(json["message"], "open video 狗.mp4: it holds no video stream");
  EXPECT_EQ(json["hint"], "convert it");
  const Error back = read_job_error(row);
  EXPECT_EQ(back.code(), ErrorCode::kInvalid);
  EXPECT_EQ(back.message(), error.message());
  EXPECT_EQ(back.message_text().form(), "open video {}: {}");
  EXPECT_TRUE(back.message_text().arguments()[0].is_value());
  EXPECT_FALSE(back.message_text().arguments()[1].is_value());
  EXPECT_EQ(back.hint(), "convert it");
}

TEST(JobError, ReadsRowsOfBefore) {
  const Error error =
      read_job_error(R"({"code":"not_found","message":"video v1: there is none","hint":""})");
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_EQ(error.message(), "video v1: there is none");
  EXPECT_TRUE(error.hint_text().empty());
  EXPECT_EQ(read_job_error(R"({"code":"of tomorrow"})").code(), ErrorCode::kInternal);
}

TEST(JobError, ReadsWhatIsWrongInARow) {
  const Error keyless = read_job_error(
      R"({"code":"io","message":"read a.mp4: it broke","hint":"again","texts":{"hint":{"form":7}}})");
  EXPECT_EQ(keyless.code(), ErrorCode::kIo);
  EXPECT_EQ(keyless.message(), "read a.mp4: it broke");
  EXPECT_EQ(keyless.hint(), "again");
  const Error number = read_job_error(R"({"code":8,"message":7,"texts":"none"})");
  EXPECT_EQ(number.code(), ErrorCode::kInternal);
  EXPECT_TRUE(number.message_text().empty());
  for (const char* row : {"[]", "7", "null", "\"io\"", "", "{"}) {
    const Error error = read_job_error(row);
    EXPECT_EQ(error.code(), ErrorCode::kInternal) << row;
    EXPECT_TRUE(error.message_text().empty()) << row;
    EXPECT_TRUE(error.hint_text().empty()) << row;
  }
}

}  // namespace
}  // namespace shijian::jobs
