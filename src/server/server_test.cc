// What any client sees: the call that answers at once, what is refused, how the server is.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "server/server_fixture.h"
#include "source_dir.h"

namespace shijian::server {
namespace {

namespace fs = std::filesystem;

TEST_F(Server, AnswersTheScriptThatUsersKnow) {
  const http::TestAnswer answer =
      call("POST", "/api/v1/inference",
           R"({"video_path": "/app/videos/shapes.mp4", "query": "When does the scene cut?",
               "options": {"enable_temporal_grounding": true, "return_reasoning": true,
                           "output_format": "HH:MM:SS.sss", "frame_sampling_rate": 1,
                           "max_context_length": "16K"}})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const Json body = json(answer);
  EXPECT_TRUE(body["response"].is_string());
  EXPECT_TRUE(body["events"].is_array());
  EXPECT_EQ(body.contains("timestamp_range"), !body["events"].empty());
  EXPECT_EQ(body["video"]["path"], "shapes.mp4");
  const Json job = ended(body["job_id"].get<std::string>());
  EXPECT_EQ(job["state"], "done");
  // A reason was asked for: there is one, or a note says why there is none.
  const bool none = body["notes"].dump().find("no_reasoning") != std::string::npos;
  EXPECT_EQ(body.contains("reasoning"), !none);
  EXPECT_EQ(none, body["events"].empty());
  // Every moment that was looked at; lists of jobs stay small.
  EXPECT_EQ(body["sampling"]["times"].size(), body["sampling"]["frames"]);
  EXPECT_EQ(job["result"]["sampling"]["times"], body["sampling"]["times"]);
  const Json listed = json(call("GET", "/api/v1/jobs?limit=1"))["jobs"][0]["result"];
  EXPECT_EQ(listed["sampling"]["frames"], body["sampling"]["frames"]);
  EXPECT_FALSE(listed["sampling"].contains("times"));
}

TEST_F(Server, WordsWithoutGrounding) {
  const http::TestAnswer answer = call("POST", "/api/v1/inference",
                                       R"({"video_path": "shapes.mp4", "query": "What is there?",
        "options": {"enable_temporal_grounding": false, "max_new_tokens": 4}})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_FALSE(json(answer).contains("events"));
}

TEST_F(Server, RefusesWhatLeavesTheLibrary) {
  fs::create_symlink("/etc/passwd", folder_ / "videos" / "link.mp4");
  fs::create_symlink("/etc", folder_ / "videos" / "etc");
  for (const char* path :
       {"../jobs.db", "/etc/passwd", "a/../../jobs.db", "link.mp4", "etc/passwd",
        "/app/videos/../../jobs.db", "a\\\\b", "a\\u0000b", ".uploads/x", "a//b"}) {
    const http::TestAnswer answer = call(
        "POST", "/api/v1/inference", fmt::format(R"({{"video_path": "{}", "query": "x"}})", path));
    EXPECT_EQ(answer.status, 403) << path << answer.body;
    EXPECT_EQ(answer.body.find(folder_.string()), std::string::npos);
  }
}

TEST_F(Server, TheLogSaysWhyAndNotWhatWasAsked) {
  call("POST", "/api/v1/inference", R"({"video_path": "../x", "query": "secret words"})");
  const http::AccessRecord refused = logged(403);
  EXPECT_EQ(refused.route, "/api/v1/inference");
  EXPECT_NE(refused.problem.find("leaves the library"), std::string::npos) << refused.problem;
  call("GET", "/api/v1/jobs?search=secret%20words&state=none");
  const http::AccessRecord wrong = logged(400);
  EXPECT_EQ(wrong.path, "/api/v1/jobs");
  EXPECT_EQ(wrong.problem.find("secret"), std::string::npos);
}

TEST_F(Server, CountsWhatItDoes) {
  const auto value = [&](const std::string& metric) {
    const std::string text = "\n" + call("GET", "/metrics").body;
    const size_t at = text.find("\n" + metric + " ");
    return at == std::string::npos ? -1.0 : std::stod(text.substr(at + metric.size() + 2));
  };
  // A request counts when its connection is done with it, a little after its answer is read.
  const auto expect_soon = [&](const std::string& metric, double wanted) {
    for (int i = 0; i < 500 && value(metric) != wanted; ++i) usleep(20000);
    EXPECT_EQ(value(metric), wanted) << metric;
  };
  EXPECT_EQ(value("shijian_jobs_queued"), 0);
  EXPECT_EQ(value("shijian_queue_capacity"), 20);
  EXPECT_GT(value("process_resident_memory_bytes"), 1e6);
  const std::string lookups = "shijian_feature_cache_lookups_total{outcome=\"miss\"}";
  EXPECT_GE(value(lookups), 0);
  const std::string body = R"({"video_path": "shapes.mp4", "query": "When does it begin?"})";
  ASSERT_EQ(call("POST", "/api/v1/inference", body).status, 200);
  EXPECT_EQ(value("shijian_jobs_total{state=\"done\"}"), 1);
  EXPECT_EQ(value("shijian_stage_seconds_count{stage=\"total\"}"), 1);
  EXPECT_GT(value("shijian_tokens_total{kind=\"generated\"}"), 0);
  expect_soon(
      "shijian_http_requests_total{method=\"POST\",route=\"/api/v1/inference\","
      "status=\"2xx\"}",
      1);
  EXPECT_EQ(call("GET", "/api/v1/jobs/none/frames").status, 404);
  expect_soon(
      "shijian_http_requests_total{method=\"GET\",route=\"/api/v1/jobs/{}/frames\","
      "status=\"4xx\"}",
      1);
  // What a client makes up is no label.
  EXPECT_EQ(call("BREW", "/coffee/1").status, 404);
  EXPECT_EQ(call("GET", "/metrics").body.find("coffee"), std::string::npos);
  expect_soon("shijian_http_requests_total{method=\"other\",route=\"none\",status=\"4xx\"}", 1);
  const std::string video = read_file(source_dir() / "samples" / "shapes.mp4", size_t{1} << 24);
  EXPECT_EQ(call("PUT", "/api/v1/videos/copy.mp4", video, "").status, 201);
  EXPECT_EQ(value("shijian_uploads_total"), 1);
  EXPECT_EQ(value("shijian_upload_bytes_total"), video.size());
}

TEST_F(Server, SaysHowItIs) {
  EXPECT_EQ(json(call("GET", "/healthz"))["status"], "alive");
  EXPECT_EQ(json(call("GET", "/readyz"))["status"], "ready");
  EXPECT_EQ(json(call("GET", "/api/v1/model"))["name"], "nano");
  EXPECT_EQ(json(call("GET", "/api/v1/queue"))["capacity"], 20);
  const http::TestAnswer page = call("GET", "/", "", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.headers.at("content-encoding"), "gzip");
}

TEST(Rfc3339, IsInUtcWithMilliseconds) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(1795372205123), "2026-11-22T18:30:05.123Z");
}

}  // namespace
}  // namespace shijian::server
