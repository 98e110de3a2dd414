// What the log says of chats and webhooks, and what it must not say.
#include "base/log.h"

#include <gtest/gtest.h>

#include <atomic>
#include <new>
#include <sstream>
#include <stdexcept>

#include "base/temporary_folder.h"
#include "server/chat_record.h"
#include "server/executor.h"
#include "server/server_fixture.h"
#include "server/webhooks.h"

namespace shijian::server {
namespace {

// Lines of the log that are of that event.
std::vector<Json> lines_of(const std::string& log, const std::string& event) {
  std::vector<Json> lines;
  std::istringstream text(log);
  for (std::string line; std::getline(text, line);) {
    const Json json = Json::parse(line, nullptr, false);
    if (json.is_object() && json.value("event", "") == event) lines.push_back(json);
  }
  return lines;
}

// The log is on, since before its threads begin.
class LoggingServer : public Server {
 protected:
  static void SetUpTestSuite() {
    set_log({.json = true, .level = LogLevel::kInfo});
    Server::SetUpTestSuite();
  }
  static void TearDownTestSuite() {
    Server::TearDownTestSuite();
    set_log({.json = true, .level = LogLevel::kError});
  }
};

TEST_F(LoggingServer, TellsOfEveryChatAndNotWhatWasSaid) {
  testing::internal::CaptureStderr();
  const http::TestAnswer answer = call("POST", "/v1/chat/completions", R"({"max_tokens": 3,
      "messages": [{"role": "user", "content": "my secret question"}]})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(call("POST", "/v1/chat/completions", R"({"max_tokens": 3, "messages": [{"role": "user",
      "content": [{"type": "image_url", "image_url": {"url": "data:;base64,aGVsbG8="}}]}]})")
                .status,
            422);
  EXPECT_EQ(call("POST", "/v1/chat/completions", R"({"n": 2})").status, 422);
  // One that is dropped while it waits.
  std::atomic<bool> busy{false}, go{false};
  calls_->add({"c", {}, [&] {
                 busy = true;
                 while (!go) usleep(1000);
               }});
  EXPECT_TRUE(http::becomes_true([&] { return busy.load(); }));
  {
    http::TestClient client(http_->port());
    const std::string body = R"({"messages": [{"role": "user", "content": "my secret question"}]})";
    client.send(
        fmt::format("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                    "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                    body.size(), body));
    EXPECT_TRUE(http::becomes_true([&] { return calls_->waiting(); }));
  }
  usleep(300000);  // the server has heard that its client left
  go = true;
  EXPECT_TRUE(http::becomes_true([&] { return !calls_->waiting(); }));
  http_.reset();
  worker_.reset();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(log.find("secret"), std::string::npos) << log;
  const std::vector<Json> chats = lines_of(log, "chat_ended");
  ASSERT_EQ(chats.size(), 3u) << log;
  EXPECT_EQ(chats[0]["request"], answer.headers.at("x-request-id"));
  EXPECT_EQ(chats[0]["state"], "done");
  EXPECT_EQ(chats[0]["client"], "127.0.0.1");
  EXPECT_EQ(chats[0]["prompt_tokens"], json(answer)["usage"]["prompt_tokens"]);
  EXPECT_EQ(chats[0]["generated_tokens"], json(answer)["usage"]["completion_tokens"]);
  EXPECT_GT(chats[0]["seconds"], 0);
  EXPECT_EQ(chats[1]["state"], "failed");
  EXPECT_EQ(chats[1]["level"], "warning");
  EXPECT_TRUE(chats[1]["message"].is_string());
  EXPECT_EQ(chats[2]["state"], "cancelled");
  EXPECT_EQ(chats[2]["generated_tokens"], 0);
}

TEST_F(LoggingServer, TellsOfAPostThatIsGivenUp) {
  const TemporaryFolder folder;
  std::atomic<int64_t> now{1'000'000};
  jobs::Store store(folder.path() / "jobs.db", [&] { return now.load(); });
  const auto submit = [&](const std::string& url) {
    jobs::JobRequest request;
    request.query = "q";
    request.webhook_url = url;
    const std::string id = store.add({request}, 10).jobs.at(0).id;
    EXPECT_TRUE(store.cancel_queued(id));
    return id;
  };
  const std::string refused =
      submit(fmt::format("http://127.0.0.1:{}/a-secret-path", http_->port()));  // answers 404
  const std::string unknown = submit("https://elsewhere.example/a-secret-path");
  testing::internal::CaptureStderr();
  while (const auto next = store.next_webhook()) {
    now = *next;
    const Webhooks webhooks(store, http::AllowedHosts({"127.0.0.1"}));
    EXPECT_TRUE(http::becomes_true([&] { return store.next_webhook() != next; }));
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(log.find("a-secret-path\""), std::string::npos) << log;
  std::vector<Json> failed = lines_of(log, "webhook_failed");
  ASSERT_EQ(failed.size(), 2u) << log;
  if (failed[0]["job"] != refused) std::swap(failed[0], failed[1]);
  EXPECT_EQ(failed[0]["host"], "127.0.0.1");
  EXPECT_EQ(failed[0]["status"], 404);
  EXPECT_EQ(failed[0]["tries"], 6);
  EXPECT_EQ(failed[1]["job"], unknown);
  EXPECT_EQ(failed[1]["cause"], "elsewhere.example is not an allowed host");
}

TEST(CaughtResponse, IsWhatHappened) {
  const auto status = [](const auto& thrower) {
    try {
      thrower();
    } catch (...) {
      return caught_response("r1", "messages").status;
    }
    return 0;
  };
  EXPECT_EQ(status([] { throw std::bad_alloc(); }), 503);
  EXPECT_EQ(status([] { throw http::HttpError(409, "x"_text); }), 409);
  EXPECT_EQ(status([] { throw Error(ErrorCode::kUsage, "x"_text); }), 422);
  EXPECT_EQ(status([] { throw std::runtime_error("x"); }), 500);
}

}  // namespace
}  // namespace shijian::server
