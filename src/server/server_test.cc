// The routes with everything real behind them: the default model, SQLite, video files, sockets.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>

#include "base/file.h"
#include "http/test_client.h"
#include "server/data_url.h"
#include "server/export.h"
#include "server/json_fields.h"
#include "server/routes.h"
#include "server/webhooks.h"
#include "server/worker.h"

namespace shijian {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = SHIJIAN_SOURCE_DIR;

class Server : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { engine_ = new Engine({.model = kSource / "models" / "nano"}); }
  static void TearDownTestSuite() {
    delete engine_;
    engine_ = nullptr;
  }

  Server() {
    fs::create_directories(folder_ / "videos");
    fs::copy_file(kSource / "samples" / "shapes.mp4", folder_ / "videos" / "shapes.mp4");
    store_.emplace(folder_ / "jobs.db");
    queue_.emplace(*store_, JobQueue::Options{20, 4});
    library_.emplace(LibraryOptions{folder_ / "videos"}, *store_);
    background_.emplace();
    calls_.emplace(100, [this] { queue_->wake(); });
    service_.emplace(
        Service{*engine_, *store_, *queue_, *calls_, *library_, *background_, "test", {}, 1});
    HttpOptions options;
    options.port = 0;
    http_.emplace(options);
    add_inference_route(*http_, *service_);
    add_job_routes(*http_, *service_);
    add_chat_routes(*http_, *service_);
    add_event_routes(*http_, *service_);
    add_video_routes(*http_, *service_);
    add_upload_routes(*http_, *service_);
    add_status_routes(*http_, *service_);
    add_page_routes(*http_);
    http_->start();
    worker_.emplace(*engine_, *queue_, *calls_, *library_);
  }
  ~Server() override {
    http_.reset();
    worker_.reset();
    background_.reset();
    queue_.reset();
    store_.reset();
    fs::remove_all(folder_);
  }

  TestAnswer call(const std::string& method, const std::string& path, const std::string& body = "",
                  const std::string& headers = "Content-Type: application/json\r\n") {
    TestClient client(http_->port());
    client.send(fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: {}\r\n\r\n{}",
                            method, path, headers, body.size(), body));
    return client.read_answer(120);
  }
  Json json(const TestAnswer& answer) { return Json::parse(answer.body, nullptr, false); }
  std::string video_id() {
    return json(call("GET", "/api/v1/videos"))["videos"][0]["id"].get<std::string>();
  }
  Json ended(const std::string& id) {
    for (;;) {
      const Json job = json(call("GET", "/api/v1/jobs/" + id));
      if (job["state"] != "queued" && job["state"] != "running") return job;
      usleep(20000);
    }
  }

  static inline Engine* engine_ = nullptr;
  const fs::path folder_ = fs::temp_directory_path() / fmt::format("shijian-server-{}", getpid());
  std::optional<Store> store_;
  std::optional<JobQueue> queue_;
  std::optional<EngineCalls> calls_;
  std::optional<Library> library_;
  std::optional<Background> background_;
  std::optional<Service> service_;
  std::optional<HttpServer> http_;
  std::optional<Worker> worker_;
};

TEST_F(Server, AnswersTheScriptThatUsersKnow) {
  const TestAnswer answer =
      call("POST", "/api/v1/inference",
           R"({"video_path": "/app/videos/shapes.mp4", "query": "When does the scene cut?",
               "options": {"enable_temporal_grounding": true, "return_reasoning": true,
                           "output_format": "HH:MM:SS.sss", "frame_sampling_rate": 1,
                           "max_context_length": "256K"}})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const Json body = json(answer);
  EXPECT_TRUE(body["response"].is_string());
  EXPECT_TRUE(body["events"].is_array());
  EXPECT_EQ(body.contains("timestamp_range"), !body["events"].empty());
  EXPECT_EQ(body["video"]["path"], "shapes.mp4");
  EXPECT_EQ(ended(body["job_id"].get<std::string>())["state"], "done");
}

TEST_F(Server, WordsWithoutGrounding) {
  const TestAnswer answer = call("POST", "/api/v1/inference",
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
    const TestAnswer answer = call("POST", "/api/v1/inference",
                                   fmt::format(R"({{"video_path": "{}", "query": "x"}})", path));
    EXPECT_EQ(answer.status, 403) << path << answer.body;
    EXPECT_EQ(answer.body.find(folder_.string()), std::string::npos);
  }
}

TEST_F(Server, SaysWhatIsWrongWithARequest) {
  const auto status = [&](const char* body) {
    return call("POST", "/api/v1/inference", body).status;
  };
  EXPECT_EQ(status("{"), 400);
  EXPECT_EQ(status("[]"), 400);
  EXPECT_EQ(status(R"({"video_path": 3, "query": "x"})"), 400);
  EXPECT_EQ(status(R"({"video_path": "none.mp4", "query": "x"})"), 404);
  EXPECT_EQ(status(R"({"video_path": "shapes.mp4"})"), 422);
  EXPECT_EQ(status(R"({"video_path": "shapes.mp4", "query": " "})"), 422);
  EXPECT_EQ(status(R"({"video_path": "shapes.mp4", "query": "x", "optoins": {}})"), 422);
  for (const char* option :
       {R"("frame_sampling_rate": "adaptive")", R"("frame_sampling_rate": 0)", R"("fps": 1)",
        R"("max_context_length": "lots")", R"("output_format": "hours")", R"("top_p": 2)"}) {
    EXPECT_EQ(
        status(fmt::format(R"({{"video_path": "shapes.mp4", "query": "x", "options": {{{}}}}})",
                           option)
                   .c_str()),
        422)
        << option;
  }
  const TestAnswer text = call("POST", "/api/v1/inference", "{}", "Content-Type: text/plain\r\n");
  EXPECT_EQ(text.status, 415);
  // What the engine refuses is a job that failed, with the engine's words and no local path.
  const TestAnswer late =
      call("POST", "/api/v1/inference",
           R"({"video_path": "shapes.mp4", "query": "x", "options": {"from": 900, "to": 901}})");
  EXPECT_EQ(late.status, 422) << late.body;
  EXPECT_EQ(late.body.find(folder_.string()), std::string::npos) << late.body;
}

TEST_F(Server, RunsJobsAndTellsAboutThem) {
  const std::string body = fmt::format(
      R"({{"video_id": "{}", "queries": ["When is MENU on screen?", "什么时候切换?"]}})",
      video_id());
  const std::string headers = "Content-Type: application/json\r\nIdempotency-Key: k1\r\n";
  const TestAnswer first = call("POST", "/api/v1/jobs", body, headers);
  ASSERT_EQ(first.status, 202) << first.body;
  const Json jobs = json(first)["jobs"];
  ASSERT_EQ(jobs.size(), 2u);
  const Json again = json(call("POST", "/api/v1/jobs", body, headers));
  EXPECT_EQ(again["jobs"][0]["id"], jobs[0]["id"]);
  EXPECT_EQ(
      call("POST", "/api/v1/jobs", R"({"video_path": "shapes.mp4", "query": "else"})", headers)
          .status,
      409);
  const std::string id = jobs[0]["id"];
  const Json done = ended(id);
  EXPECT_EQ(done["state"], "done") << done;
  EXPECT_TRUE(done["result"]["events"].is_array());
  ended(jobs[1]["id"]);
  EXPECT_EQ(json(call("GET", "/api/v1/jobs?state=done"))["total"], 2);
  EXPECT_EQ(json(call("GET", "/api/v1/jobs?search=menu"))["total"], 1);
  EXPECT_EQ(call("GET", "/api/v1/jobs?state=over").status, 400);
  EXPECT_EQ(call("POST", "/api/v1/jobs/" + id + "/cancel").status, 409);
  EXPECT_EQ(call("POST", "/api/v1/jobs/" + id + "/retry").status, 409);

  const std::string path = "/api/v1/jobs/" + id + "/corrections";
  EXPECT_EQ(
      json(
          call("PUT", path,
               R"({"events": [{"start": 1, "end": 2.5, "label": "x"}]})"))["corrections"][0]["end"],
      2.5);
  EXPECT_EQ(call("PUT", path, R"({"events": [{"start": 3, "end": 2}]})").status, 422);
  EXPECT_TRUE(json(call("PUT", path, R"({"events": null})"))["corrections"].is_null());

  const TestAnswer events = call("GET", "/api/v1/jobs/" + id + "/events");
  EXPECT_NE(events.body.find(R"("state":"done")"), std::string::npos) << events.body;
  EXPECT_EQ(call("DELETE", "/api/v1/jobs/" + id).status, 204);
  EXPECT_EQ(call("GET", "/api/v1/jobs/" + id).status, 404);
}

TEST_F(Server, ACallerWhoLeavesCancelsTheJob) {
  std::string id;
  {
    TestClient client(http_->port());
    const std::string body = R"({"video_path": "shapes.mp4", "query": "When?",
        "options": {"frame_sampling_rate": 30, "max_frames": 400, "enable_temporal_grounding": false}})";
    client.send(
        fmt::format("POST /api/v1/inference HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                    "application/json\r\nContent-Length: {}\r\n\r\n{}",
                    body.size(), body));
    while (store_->jobs({}, {1, {}}).items.empty()) usleep(5000);
    id = store_->jobs({}, {1, {}}).items[0].id;
  }
  EXPECT_EQ(ended(id)["state"], "cancelled");
}

TEST_F(Server, TakesVideosInPiecesAndWhole) {
  const std::string video = read_file(kSource / "samples" / "shapes.mp4", size_t{1} << 24);
  const std::string known = video_id();
  // The same bytes under another name are the same video.
  const TestAnswer same = call("PUT", "/api/v1/videos/copy.mp4", video, "");
  EXPECT_EQ(same.status, 201) << same.body;
  EXPECT_EQ(json(same)["video"]["id"], known);
  EXPECT_FALSE(fs::exists(folder_ / "videos" / "copy.mp4"));
  EXPECT_EQ(call("DELETE", "/api/v1/videos/" + known).status, 204);
  EXPECT_EQ(call("GET", "/api/v1/videos/" + known).status, 404);

  const size_t half = video.size() / 2;
  const auto piece = [&](size_t begin, size_t end) {
    return call("PUT", "/api/v1/videos/pieces.mp4", video.substr(begin, end - begin),
                fmt::format("Content-Range: bytes {}-{}/{}\r\n", begin, end - 1, video.size()));
  };
  const std::string where = fmt::format("/api/v1/uploads/pieces.mp4?size={}", video.size());
  EXPECT_EQ(piece(half, video.size()).status, 409);  // the beginning is missing
  EXPECT_EQ(piece(0, half).status, 202);
  EXPECT_EQ(json(call("GET", where))["received"], half);
  const TestAnswer whole = piece(half, video.size());
  EXPECT_EQ(whole.status, 201) << whole.body;
  EXPECT_EQ(json(whole)["video"]["id"], known);
  EXPECT_EQ(json(call("GET", where))["received"], 0);
  EXPECT_EQ(read_file(folder_ / "videos" / "pieces.mp4", size_t{1} << 24), video);

  EXPECT_EQ(call("PUT", "/api/v1/videos/text.mp4", "no video", "").status, 415);
  EXPECT_EQ(call("PUT", "/api/v1/videos/broken.mp4", video.substr(0, 200), "").status, 415);
  EXPECT_TRUE(fs::is_empty(folder_ / "videos" / ".uploads"));
}

TEST_F(Server, ShowsVideos) {
  const std::string base = "/api/v1/videos/" + video_id();
  const TestAnswer strip = call("GET", base + "/thumbnails?count=4&height=60");
  EXPECT_EQ(strip.status, 200);
  EXPECT_EQ(strip.headers.at("content-type"), "image/jpeg");
  EXPECT_EQ(strip.headers.at("x-frame-size"), "80x60");
  EXPECT_EQ(strip.body.substr(0, 2), "\xff\xd8");
  const TestAnswer part = call("GET", base + "/content", "", "Range: bytes=4-7\r\n");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "ftyp");
  EXPECT_EQ(call("GET", base + "/thumbnails?count=0").status, 400);
}

TEST_F(Server, SaysHowItIs) {
  EXPECT_EQ(json(call("GET", "/healthz"))["status"], "alive");
  EXPECT_EQ(json(call("GET", "/readyz"))["status"], "ready");
  EXPECT_EQ(json(call("GET", "/api/v1/model"))["name"], "nano");
  EXPECT_EQ(json(call("GET", "/api/v1/queue"))["capacity"], 20);
  const TestAnswer page = call("GET", "/", "", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.headers.at("content-encoding"), "gzip");
}

// The content and the last finish reason of a stream of chat chunks, which must end in [DONE].
std::pair<std::string, std::string> read_chunks(const std::string& body, Json* usage = nullptr) {
  std::string content, reason;
  bool done = false;
  std::istringstream lines(body);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    EXPECT_TRUE(line.starts_with("data: ")) << line;
    EXPECT_FALSE(done) << line;
    if ((done = line == "data: [DONE]")) continue;
    const Json chunk = Json::parse(line.substr(6));
    EXPECT_EQ(chunk["object"], "chat.completion.chunk");
    if (chunk["choices"].empty()) {
      if (usage != nullptr) *usage = chunk["usage"];
      continue;
    }
    const Json& choice = chunk["choices"][0];
    content += choice["delta"].value("content", "");
    if (!choice["finish_reason"].is_null()) reason = choice["finish_reason"];
  }
  EXPECT_TRUE(done) << body;
  return {content, reason};
}

TEST_F(Server, ChatsAsTheOpenAiApiDoes) {
  const Json models = json(call("GET", "/v1/models"));
  EXPECT_EQ(models["data"][0]["id"], "nano");
  EXPECT_EQ(json(call("GET", "/v1/models/nano"))["object"], "model");
  EXPECT_EQ(call("GET", "/v1/models/gpt").status, 404);

  const std::string rest = R"("model": "nano", "max_tokens": 12, "temperature": 0,
      "messages": [{"role": "system", "content": "Be brief."},
                   {"role": "user", "content": [{"type": "text", "text": "When is the cut in "},
                    {"type": "video_url", "video_url": {"url": "shapes.mp4"}},
                    {"type": "text", "text": "?"}]},
                   {"role": "assistant", "content": "Which one?"},
                   {"role": "user", "content": "The first."}])";
  const TestAnswer whole = call("POST", "/v1/chat/completions",
                                "{" + rest + R"(, "logprobs": true, "top_logprobs": 2})");
  ASSERT_EQ(whole.status, 200) << whole.body;
  const Json body = json(whole);
  EXPECT_EQ(body["object"], "chat.completion");
  const Json& choice = body["choices"][0];
  EXPECT_EQ(choice["message"]["role"], "assistant");
  const Json& tokens = choice["logprobs"]["content"];
  ASSERT_EQ(tokens.size(), body["usage"]["completion_tokens"]);
  std::string spoken;
  for (const Json& token : tokens) {
    spoken += token["token"].get<std::string>();
    EXPECT_EQ(token["top_logprobs"].size(), 2u);
    EXPECT_EQ(token["top_logprobs"][0]["logprob"], token["logprob"]);  // greedy
  }
  const std::string content = choice["message"]["content"];
  EXPECT_FALSE(content.empty());
  EXPECT_NE(spoken.find(content), std::string::npos);
  EXPECT_GT(body["usage"]["prompt_tokens"], 500);  // the video is in it

  const TestAnswer streamed =
      call("POST", "/v1/chat/completions",
           "{" + rest + R"(, "stream": true, "stream_options": {"include_usage": true}})");
  ASSERT_EQ(streamed.status, 200) << streamed.body;
  EXPECT_EQ(streamed.headers.at("content-type"), "text/event-stream");
  Json usage;
  const auto [text, reason] = read_chunks(streamed.body, &usage);
  EXPECT_EQ(text, content);
  EXPECT_EQ(reason, choice["finish_reason"]);
  EXPECT_EQ(usage["completion_tokens"], body["usage"]["completion_tokens"]);
  EXPECT_GT(usage["prompt_tokens_details"]["cached_tokens"], 500);

  // A stop sequence ends the words before it.
  const std::string stop = content.substr(content.size() / 2, 2);
  const Json stopped = json(
      call("POST", "/v1/chat/completions", "{" + rest + R"(, "stop": )" + Json(stop).dump() + "}"));
  EXPECT_EQ(stopped["choices"][0]["finish_reason"], "stop");
  const std::string before = content.substr(0, content.find(stop));
  EXPECT_EQ(stopped["choices"][0]["message"]["content"],
            before.substr(0, before.find_last_not_of(' ') + 1));
}

// A PNG of 2x2 pixels.
constexpr const char* kPixels =
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEUlEQVR4nGP4z8DA8B+"
    "MgBgAHfAD/dPQfSYAAAAASUVORK5CYII=";

TEST_F(Server, ChatsAboutWhatTheRequestHolds) {
  const auto prompt_tokens = [&](const std::string& part) -> int64_t {
    const TestAnswer answer =
        call("POST", "/v1/chat/completions",
             fmt::format(R"({{"max_tokens": 1, "messages": [{{"role": "user", "content": [{}
                     {{"type": "text", "text": "What?"}}]}}]}})",
                         part));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return json(answer)["usage"]["prompt_tokens"];
  };
  const int64_t words = prompt_tokens("");
  const std::string image = fmt::format(
      R"({{"type": "image_url", "image_url": {{"url": "{}", "detail": "low"}}}},)", kPixels);
  const int64_t one = prompt_tokens(image) - words;
  EXPECT_GT(one, 2);
  EXPECT_EQ(prompt_tokens(image + image) - words, 2 * one);
  const std::string frames = fmt::format(
      R"({{"type": "video_frames", "video_frames": {{"frames": ["{0}", "{0}", "{0}"],
          "times": [0, 0.5, 7]}}}},)",
      kPixels);
  EXPECT_GT(prompt_tokens(frames), words + 4);
  // A video in the request is the one in the library.
  const std::string bytes = read_file(kSource / "samples" / "shapes.mp4", size_t{1} << 24);
  std::string base64;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const auto at = [&](size_t k) {
      return i + k < bytes.size() ? static_cast<uint8_t>(bytes[i + k]) : 0u;
    };
    const uint32_t bits = at(0) << 16 | at(1) << 8 | at(2);
    for (int shift = 18; shift >= 0; shift -= 6) {
      base64 +=
          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[bits >> shift & 63];
    }
  }
  for (size_t i = 0; i < (3 - bytes.size() % 3) % 3; ++i) base64[base64.size() - 1 - i] = '=';
  const std::string part = R"({{"type": "{0}", "{0}": {{"url": "{1}"}}}},)";
  EXPECT_EQ(prompt_tokens(
                fmt::format(fmt::runtime(part), "input_video", "data:video/mp4;base64," + base64)),
            prompt_tokens(fmt::format(fmt::runtime(part), "video_url", "/app/videos/shapes.mp4")));
}

TEST_F(Server, ChatAnswersAreJsonWhenAsked) {
  const TestAnswer answer = call("POST", "/v1/chat/completions", R"({"max_tokens": 200,
      "messages": [{"role": "user", "content": "When?"}], "seed": 5, "temperature": 1,
      "response_format": {"type": "json_schema", "json_schema": {"name": "span", "strict": true,
        "schema": {"type": "object", "additionalProperties": false, "required": ["start", "end"],
                   "properties": {"start": {"type": "integer"}, "end": {"enum": [1, 2]}}}}}})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const Json choice = json(answer)["choices"][0];
  EXPECT_EQ(choice["finish_reason"], "stop");
  const Json span = Json::parse(choice["message"]["content"].get<std::string>());
  EXPECT_TRUE(span["start"].is_number_integer());
  EXPECT_TRUE(span["end"] == 1 || span["end"] == 2);
}

TEST_F(Server, SaysWhatIsWrongWithAChat) {
  const auto refusal = [&](const std::string& fields) {
    const TestAnswer answer = call(
        "POST", "/v1/chat/completions",
        R"({"messages": [{"role": "user", "content": "x"}], "max_tokens": 1, )" + fields + "}");
    const Json error = json(answer)["error"];
    EXPECT_TRUE(error["message"].is_string() && error["request_id"].is_string()) << answer.body;
    EXPECT_EQ(error["type"], "invalid_request_error");
    EXPECT_EQ(answer.body.find(folder_.string()), std::string::npos) << answer.body;
    return fmt::format("{} {}", answer.status,
                       error["param"].is_string() ? error["param"].get<std::string>() : "");
  };
  EXPECT_EQ(refusal(R"("model": "gpt-5")"), "404 model");
  EXPECT_EQ(refusal(R"("n": 2)"), "422 n");
  EXPECT_EQ(refusal(R"("temperature": "hot")"), "400 temperature");
  EXPECT_EQ(refusal(R"("frequency_penalty": 1)"), "422 frequency_penalty");
  EXPECT_EQ(refusal(R"("logit_bias": {"1": 2})"), "422 logit_bias");
  EXPECT_EQ(refusal(R"("tool_choice": "required")"), "422 tool_choice");
  EXPECT_EQ(refusal(R"("top_logprobs": 2)"), "422 top_logprobs");
  EXPECT_EQ(refusal(R"("stop": [""])"), "422 stop");
  EXPECT_EQ(refusal(R"("response_format": {"type": "xml"})"), "422 response_format");
  EXPECT_EQ(refusal(R"("response_format": {"type": "json_schema", "json_schema": {"name": "x",
                    "schema": {"type": "string", "pattern": "a"}}})"),
            "422 response_format");
  EXPECT_EQ(refusal(R"("temprature": 1)"), "422 ");
  const auto part = [&](const std::string& json_part) {
    const TestAnswer answer =
        call("POST", "/v1/chat/completions",
             R"({"messages": [{"role": "user", "content": [)" + json_part + "]}]}");
    const Json error = json(answer)["error"];
    EXPECT_EQ(answer.body.find("/tmp"), std::string::npos) << answer.body;
    return fmt::format("{} {}", answer.status,
                       error["param"].is_string() ? error["param"].get<std::string>() : "");
  };
  const auto url = [](const char* type, const std::string& text) {
    return fmt::format(R"({{"type": "{0}", "{0}": {{"url": "{1}"}}}})", type, text);
  };
  EXPECT_EQ(part(R"({"type": "audio"})"), "422 messages[0].content[0]");
  EXPECT_EQ(part(url("video_url", "../jobs.db")), "403 messages[0].content[0]");
  EXPECT_EQ(part(url("video_url", "none.mp4")), "404 messages[0].content[0]");
  EXPECT_EQ(part(url("image_url", "https://example.org/a.png")), "422 messages[0].content[0]");
  EXPECT_EQ(part(url("image_url", "data:image/png;base64,????")), "422 messages[0].content[0]");
  // Found out by the engine.
  EXPECT_EQ(part(url("image_url", "data:image/png;base64,aGVsbG8=")), "422 ");
  EXPECT_EQ(part(url("video_url", "data:video/mp4;base64,aGVsbG8=")), "422 ");
  EXPECT_EQ(part(R"({"type": "video_frames", "video_frames": {"frames": [], "times": [1]}})"),
            "422 messages[0].content[0]");
}

TEST_F(Server, AChatEndsWhenItsClientLeaves) {
  {
    TestClient client(http_->port());
    // Would go on for a hundred thousand numbers.
    const std::string body = R"({"messages": [{"role": "user", "content": "Count."}],
        "max_tokens": 15000, "stream": true, "response_format": {"type": "json_schema",
        "json_schema": {"name": "n", "schema": {"items": {"type": "integer"}, "minItems": 100000}}}})";
    client.send(
        fmt::format("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                    "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                    body.size(), body));
    EXPECT_EQ(client.read_head(60).status, 200);
    EXPECT_NE(client.read_to("\"content\":\"[", 60), "");
  }
  const TestAnswer next =
      call("POST", "/v1/chat/completions",
           R"({"messages": [{"role": "user", "content": "x"}], "max_tokens": 1})");
  EXPECT_EQ(next.status, 200);
}

TEST_F(Server, CallsAndJobsTakeTurns) {
  std::atomic<bool> go{false};
  std::vector<int64_t> done_before;
  std::atomic<int> ran{0};
  const auto add = [&] {
    calls_->add({"c", {}, [&] {
                   done_before.push_back(queue_->statistics().done);
                   ++ran;
                 }});
  };
  calls_->add({"c", {}, [&] {
                 while (!go) usleep(1000);
               }});
  for (int i = 0; i < 3; ++i) add();
  const TestAnswer jobs = call("POST", "/api/v1/jobs", R"({"video_path": "shapes.mp4",
      "queries": ["a", "b"], "options": {"max_new_tokens": 1, "max_frames": 2}})");
  ASSERT_EQ(jobs.status, 202) << jobs.body;
  go = true;
  EXPECT_TRUE(becomes_true([&] { return ran == 3; }, 60));
  EXPECT_EQ(done_before, (std::vector<int64_t>{0, 1, 2}));
}

TEST(EngineCalls, ClientsTakeTurnsAndNotTooManyWait) {
  int arrived = 0;
  std::string order;
  EngineCalls calls(4, [&] { ++arrived; });
  EXPECT_FALSE(calls.waiting());
  const auto add = [&](const char* client, const char* name) {
    CancelSource cancel;
    calls.add({client, cancel, [&order, name] { order += name; }});
    return cancel;
  };
  add("a", "1");
  add("a", "2");
  CancelSource third = add("a", "3");
  add("b", "4");
  EXPECT_THROW(add("c", "5"), HttpError);
  third.cancel();  // makes room
  add("c", "6");
  EXPECT_EQ(arrived, 5);
  while (calls.waiting()) calls.run_next();
  EXPECT_EQ(order, "1462");
  add("a", "7");
  calls.stop();
  calls.run_next();
  EXPECT_EQ(order, "1462");
}

TEST(DataUrl, HoldsBytes) {
  EXPECT_EQ(decode_data_url("data:text/plain;base64,aGVsbG8="), "hello");
  EXPECT_EQ(decode_data_url("data:;base64,AP/+"), std::string("\0\xff\xfe", 3));
  EXPECT_EQ(decode_data_url("data:a/b;c=d;base64,YQ"), "a");
  for (const char* url : {"data:", "data:text/plain,hello", "data:;base64,", "data:;base64,====",
                          "data:;base64,a", "data:;base64,ab*=", "data:;base64,YQ=b"}) {
    EXPECT_THROW(decode_data_url(url), Error) << url;
  }
}

TEST(Export, WritesWhatEditorsRead) {
  Job job;
  job.id = "j";
  job.state = JobState::kDone;
  job.query = "the cut";
  job.video_name = "a.mp4";
  job.result = R"({"response": "x", "video": {"duration": 20.0, "frame_rate": 25.0},
                   "events": [{"start": 1.5, "end": 3.0, "label": "cut", "confidence": 0.9}]})";
  EXPECT_EQ(export_jobs({&job, 1}, "edl").body,
            "TITLE: SHIJIAN\nFCM: NON-DROP FRAME\n"
            "001  AX       V     C        00:00:01:13 00:00:03:00 00:00:00:00 00:00:01:12\n"
            "* FROM CLIP NAME: a.mp4\n* COMMENT: cut\n");
  EXPECT_NE(export_jobs({&job, 1}, "srt").body.find("00:00:01,500 --> 00:00:03,000"),
            std::string::npos);
  job.corrections = R"([{"start": 2.000, "end": 4.000, "label": "mine"}])";
  EXPECT_NE(export_jobs({&job, 1}, "csv").body.find("a.mp4,the cut,2.000,4.000"), std::string::npos)
      << export_jobs({&job, 1}, "csv").body;
  EXPECT_EQ(Json::parse(export_jobs({&job, 1}, "json").body)["corrections"][0]["label"], "mine");
  EXPECT_THROW(export_jobs({&job, 1}, "pdf"), HttpError);
  job.state = JobState::kQueued;
  EXPECT_THROW(export_jobs({&job, 1}, "csv"), Error);
}

TEST(Rfc3339, IsInUtcWithMilliseconds) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(1795372205123), "2026-11-22T18:30:05.123Z");
}

TEST_F(Server, FetchesFromAllowedHostsOnly) {
  const std::string there =
      fmt::format("http://127.0.0.1:{}/api/v1/videos/{}/content", http_->port(), video_id());
  const auto fetch = [&](const std::string& name) {
    return call("POST", "/api/v1/videos/fetch",
                fmt::format(R"({{"url": "{}", "name": "{}"}})", there, name));
  };
  EXPECT_EQ(fetch("a.mp4").status, 403);  // off
  service_->fetch.hosts = AllowedHosts({"127.0.0.1"});
  fs::rename(folder_ / "videos" / "shapes.mp4", folder_ / "shapes.mp4");
  EXPECT_EQ(fetch("a.mp4").status, 422);  // the other side answers 404
  EXPECT_EQ(fetch("../a.mp4").status, 403);
  fs::rename(folder_ / "shapes.mp4", folder_ / "videos" / "shapes.mp4");
  service_->fetch.max_bytes = 1000;
  EXPECT_EQ(fetch("a.mp4").status, 422);
  EXPECT_TRUE(fs::is_empty(library_->partial_folder()));
  service_->fetch.max_bytes = 1 << 30;
  const TestAnswer answer = fetch("a.mp4");
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(json(answer)["video"]["name"], "shapes.mp4");  // the content is there already
}

TEST_F(Server, PostsEndedJobsSigned) {
  HttpOptions options;
  options.port = 0;
  HttpServer owner(options);
  std::mutex mutex;
  std::vector<HttpRequest> posts;
  owner.route("POST", "/hook", [&](const HttpRequest& request, auto reply) {
    const std::lock_guard lock(mutex);
    posts.push_back(request);
    HttpResponse response;
    response.status = posts.size() == 1 ? 503 : 204;  // the first time in vain
    reply->send(std::move(response));
  });
  owner.start();
  const auto submit = [&](const std::string& webhook) {
    return call("POST", "/api/v1/jobs",
                fmt::format(R"({{"video_path": "shapes.mp4", "query": "When does the scene cut?",
                                 "webhook": {}}})",
                            webhook));
  };
  const std::string url = fmt::format("http://127.0.0.1:{}/hook", owner.port());
  EXPECT_EQ(submit(fmt::format(R"({{"url": "{}", "secret": "s"}})", url)).status, 403);
  service_->webhook_hosts = AllowedHosts({"127.0.0.1"});
  EXPECT_EQ(submit(fmt::format(R"({{"url": "{}"}})", url)).status, 422);
  const Webhooks webhooks(*store_, service_->webhook_hosts);
  const TestAnswer answer = submit(fmt::format(R"({{"url": "{}", "secret": "s"}})", url));
  ASSERT_EQ(answer.status, 202) << answer.body;
  for (;;) {
    usleep(20000);
    const std::lock_guard lock(mutex);
    if (posts.size() == 2) break;
  }
  EXPECT_TRUE(becomes_true([&] { return !store_->next_webhook().has_value(); }));
  EXPECT_EQ(posts[0].body, posts[1].body);
  const Json body = Json::parse(posts[1].body);
  EXPECT_EQ(body["id"], json(answer)["jobs"][0]["id"]);
  EXPECT_EQ(body["state"], "done");
  EXPECT_EQ(posts[1].header("x-shijian-signature"),
            webhook_signature("s", posts[1].header("x-shijian-timestamp"), posts[1].body));
}

// RFC 4231, test case 2, whose text holds no point; the sum is that of the text with one, from
// `printf 'what do ya want .for nothing?' | openssl dgst -sha256 -hmac Jefe`.
TEST(WebhookSignature, IsHmacSha256) {
  EXPECT_EQ(webhook_signature("Jefe", "what do ya want ", "for nothing?"),
            "sha256=83fb3421ec48dc8ee8cd58e1f03bb1f80ae0110c64a82771c98a0cea22cecdd2");
}

}  // namespace
}  // namespace shijian
