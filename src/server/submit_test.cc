// Handing in jobs: many in one call, the same call twice, the limits.
#include <gtest/gtest.h>

#include "server/server_fixture.h"

namespace shijian::server {
namespace {

class Submit : public Server {};

TEST_F(Submit, ARepeatedKeyGivesItsJobsWhenTheVideoHasGone) {
  const std::string headers = "Content-Type: application/json\r\nIdempotency-Key: k\r\n";
  const std::string body = R"({"video_path": "shapes.mp4", "query": "When?"})";
  const http::TestAnswer first = call("POST", "/api/v1/jobs", body, headers);
  ASSERT_EQ(first.status, 202) << first.body;
  ended(json(first)["jobs"][0]["id"]);
  EXPECT_EQ(call("DELETE", "/api/v1/videos/" + video_id()).status, 204);
  const http::TestAnswer again = call("POST", "/api/v1/jobs", body, headers);
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(json(again)["jobs"][0]["id"], json(first)["jobs"][0]["id"]);
  EXPECT_EQ(call("POST", "/api/v1/jobs", R"({"query": ""})", headers).status, 409);
}

TEST_F(Submit, ManyJobsInOneCall) {
  const auto submit = [&](const std::string& body) { return call("POST", "/api/v1/jobs", body); };
  for (const char* folder : {"", "/app/videos", "/app/videos/"}) {
    const http::TestAnswer answer =
        submit(fmt::format(R"({{"folder": "{}", "query": "When?"}})", folder));
    EXPECT_EQ(answer.status, 202) << folder << answer.body;
    ended(json(answer)["jobs"][0]["id"]);
  }
  EXPECT_EQ(submit(R"({"folder": "none", "query": "When?"})").status, 404);
  EXPECT_EQ(submit(R"({"folder": "../x", "query": "When?"})").status, 403);
  const std::string item = R"({"video_path": "./shapes.mp4", "query": "When?"})";
  EXPECT_EQ(submit(fmt::format(R"({{"jobs": [{{"jobs": [{}]}}]}})", item)).status, 422);
  std::string all = item;
  for (int i = 0; i < 20; ++i) all += "," + item;
  const http::TestAnswer many = submit(fmt::format(R"({{"jobs": [{}]}})", all));
  EXPECT_EQ(many.status, 422) << "21 never fit a queue of 20";
  EXPECT_EQ(json(call("GET", "/api/v1/jobs"))["total"], 3);
}

TEST_F(Submit, AQuestionsLengthIsCountedInCharacters) {
  std::string question;
  for (int i = 0; i < 10001; ++i) question += "\\u4f55";
  const auto ask = [&](const std::string& text) {
    return call("POST", "/api/v1/jobs",
                fmt::format(R"({{"video_path": "shapes.mp4", "query": "{}"}})", text));
  };
  EXPECT_EQ(json(call("GET", "/api/v1/model"))["max_question"], 10000);
  const http::TestAnswer longer = ask(question);
  EXPECT_EQ(longer.status, 422);
  EXPECT_EQ(json(longer)["error"]["message"],
            "question: it has 10001 characters, at most 10000 are taken");
  const http::TestAnswer longest = ask(question.substr(6));
  EXPECT_EQ(longest.status, 202) << longest.body;
  call("POST",
       fmt::format("/api/v1/jobs/{}/cancel", json(longest)["jobs"][0]["id"].get<std::string>()));
}

TEST_F(Submit, ByteOrderMarksAreNoText) {
  const http::TestAnswer answer =
      call("POST", "/api/v1/jobs",
           "\xEF\xBB\xBF{\"video_path\": \"shapes.mp4\", \"queries\": [\"\\ufeffWhen?\"], "
           "\"options\": {\"max_new_tokens\": 1}}");
  ASSERT_EQ(answer.status, 202) << answer.body;
  EXPECT_EQ(json(answer)["jobs"][0]["query"], "When?");
  ended(json(answer)["jobs"][0]["id"]);
  EXPECT_EQ(json(call("GET", "/api/v1/jobs?search=%EF%BB%BFWhen"))["total"], 1);
}

TEST_F(Submit, NumbersOf300DigitsAreNotRepeated) {
  const std::string digits(300, '7');
  const auto job = [&](const std::string& options) {
    return call(
        "POST", "/api/v1/inference",
        fmt::format(R"({{"video_path": "shapes.mp4", "query": "x", "options": {}}})", options));
  };
  for (const http::TestAnswer& answer :
       {job("{\"from\": " + digits + "}"), job("{\"max_frames\": " + digits + "}"),
        job("{\"from\": " + digits + digits + "}"), job("{\"seed\": \"" + digits + "\"}"),
        call("GET", "/api/v1/jobs?state=" + digits), call("GET", "/api/v1/jobs?limit=" + digits),
        call("GET", "/api/v1/jobs/" + digits),
        call("GET", "/api/v1/videos/" + video_id() + "/clip?from=1e300&to=2e300")}) {
    EXPECT_GE(answer.status, 400);
    EXPECT_LT(answer.status, 500) << answer.body;
    EXPECT_LT(json(answer)["error"]["message"].get<std::string>().size(), 200u) << answer.body;
    EXPECT_EQ(answer.body.find(std::string(50, '7')), std::string::npos) << answer.body;
    EXPECT_EQ(answer.body.find("00000000000000000000000"), std::string::npos) << answer.body;
  }
}

}  // namespace
}  // namespace shijian::server
