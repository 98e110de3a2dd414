// Bodies on their way in: limits, Expect, uploads that end well, badly or in the middle.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "http/test_client.h"

namespace shijian::http {
namespace {

struct Counts {
  std::atomic<int> begun{0}, finished{0}, destroyed{0};
  std::atomic<size_t> bytes{0};
};

class CountingUpload : public HttpUpload {
 public:
  CountingUpload(Counts& counts, std::string mode) : counts_(counts), mode_(std::move(mode)) {
    ++counts_.begun;
  }
  ~CountingUpload() override { ++counts_.destroyed; }
  void write(std::span<const std::byte> bytes) override {
    counts_.bytes += bytes.size();
    size_ += bytes.size();
    if (mode_ == "full" && size_ > 100000) throw HttpError(413, "the quota is used up"_text);
    if (mode_ == "broken") throw std::runtime_error("disk");
  }
  void finish(std::shared_ptr<HttpReply> reply) override {
    ++counts_.finished;
    if (mode_ == "no-video") throw HttpError(415, "it is no video"_text);
    reply->send(text_response(std::to_string(size_)));
  }

 private:
  Counts& counts_;
  std::string mode_;
  size_t size_ = 0;
};

// Whether uploads run on other threads than the server's.
class HttpUploadTest : public testing::TestWithParam<bool> {
 protected:
  HttpUploadTest() {
    HttpOptions options = test_options();
    options.max_body = 1000;
    options.max_upload = 20 << 20;
    server_ = std::make_unique<HttpServer>(options);
    HttpUploadRunner runner;
    if (GetParam()) {
      runner = [this](std::function<void()> task) {
        const std::lock_guard lock(mutex_);
        threads_.emplace_back(std::move(task));
      };
    }
    server_->upload_route(
        "PUT", "/videos/{}",
        [this](const HttpRequest& request) {
          if (request.captures[0] == "refused") throw HttpError(409, "it exists"_text);
          if (request.captures[0] == "slow") usleep(300'000);
          return std::make_unique<CountingUpload>(counts_, request.captures[0]);
        },
        runner);
    server_->route("POST", "/raw",
                   [](const HttpRequest& request, std::shared_ptr<HttpReply> reply) {
                     reply->send(text_response(std::to_string(request.body.size())));
                   },
                   {.open = true, .json = false});
    server_->route("POST", "/roomy",
                   [](const HttpRequest& request, std::shared_ptr<HttpReply> reply) {
                     reply->send(text_response(std::to_string(request.body.size())));
                   },
                   {.json = false, .max_body = 5000});
    server_->start();
  }

  static std::string head(const std::string& request, const std::string& headers) {
    return request + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n";
  }

  bool destroyed(int count) {
    return becomes_true([&] { return counts_.destroyed == count; });
  }

  Counts counts_;
  std::mutex mutex_;
  std::vector<std::jthread> threads_;
  std::unique_ptr<HttpServer> server_;
};

INSTANTIATE_TEST_SUITE_P(WhereItRuns, HttpUploadTest, testing::Bool(), [](const auto& where) {
  return where.param ? "OnARunner" : "InTheServer";
});

TEST_P(HttpUploadTest, TakesBodiesOfAnySize) {
  TestClient client(server_->port());
  EXPECT_EQ(client.ask("PUT", "/videos/a", "", std::string(10 << 20, 'x')).body, "10485760");
  EXPECT_EQ(client.ask("PUT", "/videos/empty").body, "0");
  client.send(head("PUT /videos/chunked", "Transfer-Encoding: chunked\r\n"));
  for (int i = 0; i < 1000; ++i) client.send("400\r\n" + std::string(1024, 'x') + "\r\n");
  client.send("0\r\n\r\n");
  EXPECT_EQ(client.read_answer().body, "1024000");
  EXPECT_EQ(counts_.finished, 3);
  EXPECT_TRUE(destroyed(3));
}

TEST_P(HttpUploadTest, IsDestroyedWhenTheClientLeaves) {
  TestClient client(server_->port());
  client.send(head("PUT /videos/a", "Content-Length: 1000000\r\n") + std::string(5000, 'x'));
  ASSERT_TRUE(becomes_true([&] { return counts_.bytes == 5000; }));
  EXPECT_EQ(counts_.destroyed, 0);
  client.close();
  EXPECT_TRUE(becomes_true([&] { return counts_.destroyed == 1; }, 1));
  EXPECT_EQ(counts_.finished, 0);
}

TEST_P(HttpUploadTest, IsDestroyedWhenTheServerStops) {
  TestClient client(server_->port());
  client.send(head("PUT /videos/a", "Content-Length: 1000000\r\n") + std::string(5000, 'x'));
  ASSERT_TRUE(becomes_true([&] { return counts_.bytes == 5000; }));
  server_->stop(0.1);
  EXPECT_TRUE(destroyed(1));
  EXPECT_EQ(counts_.finished, 0);
}

TEST_P(HttpUploadTest, AnswersWithItsErrors) {
  TestClient client(server_->port());
  // Small enough to be read to its end: the connection goes on.
  const std::string body(1 << 20, 'x');
  EXPECT_EQ(client.ask("PUT", "/videos/refused", "", body).status, 409);
  EXPECT_EQ(client.ask("PUT", "/videos/full", "", body).status, 413);
  EXPECT_EQ(client.ask("PUT", "/videos/broken", "", body).status, 500);
  EXPECT_EQ(client.ask("PUT", "/videos/no-video", "", body).status, 415);
  EXPECT_EQ(counts_.begun, 3);
  EXPECT_TRUE(destroyed(3));
  EXPECT_EQ(counts_.finished, 1);
}

TEST_P(HttpUploadTest, AnswersInTheMiddleOfALongBody) {
  TestClient client(server_->port());
  client.send(head("PUT /videos/full", "Content-Length: 20000000\r\n"));
  client.send(std::string(19 * 1000 * 1000, 'x'));  // the server may stop listening before the end
  EXPECT_EQ(client.read_answer().status, 413);
  EXPECT_TRUE(client.closed_within(5));
  EXPECT_LT(counts_.bytes, 200000u);
  EXPECT_TRUE(becomes_true([&] { return counts_.destroyed == 1; }));
}

TEST_P(HttpUploadTest, RefusesWhatIsTooLarge) {
  TestClient client(server_->port());
  EXPECT_EQ(client.ask("POST", "/raw", "", std::string(1000, 'x')).body, "1000");
  EXPECT_EQ(client.ask("POST", "/raw", "", std::string(1001, 'x')).status, 413);
  client.send(head("POST /raw", "Transfer-Encoding: chunked\r\n") + "3e8\r\n" +
              std::string(1000, 'x') + "\r\n1\r\nx\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 413);
  EXPECT_EQ(client.ask("POST", "/roomy", "", std::string(5000, 'x')).body, "5000");
  EXPECT_EQ(client.ask("POST", "/roomy", "", std::string(5001, 'x')).status, 413);
  // What is announced as far too large is not read at all.
  for (const char* length : {"20971521", "9223372036854775807", "18446744073709551615"}) {
    TestClient other(server_->port());
    other.send(head("PUT /videos/a", fmt::format("Content-Length: {}\r\n", length)));
    EXPECT_EQ(other.read_answer().status, 413) << length;
    EXPECT_TRUE(other.closed_within(5));
  }
  // A chunked body without an end is cut.
  TestClient endless(server_->port());
  endless.send(head("POST /raw", "Transfer-Encoding: chunked\r\n"));
  const std::string chunk = "10000\r\n" + std::string(65536, 'x') + "\r\n";
  int sent = 0;
  while (sent < 4000 && endless.send(chunk)) ++sent;
  EXPECT_LT(sent, 4000);
  EXPECT_EQ(endless.read_answer().status, 413);
}

// With a disk that does not answer, uploads wait and nothing else.
TEST(HttpUploadRunner, KeepsTheServersThreadsFree) {
  std::mutex mutex;
  std::vector<std::function<void()>> waiting;
  Counts counts;
  HttpServer server(test_options());
  server.upload_route(
      "PUT", "/videos/{}",
      [&](const HttpRequest&) { return std::make_unique<CountingUpload>(counts, ""); },
      [&](std::function<void()> task) {
        const std::lock_guard lock(mutex);
        waiting.push_back(std::move(task));
      });
  server.route("GET", "/ok", [](const HttpRequest&, std::shared_ptr<HttpReply> reply) {
    reply->send(text_response("ok"));
  });
  server.start();
  std::vector<std::unique_ptr<TestClient>> uploads;
  for (int i = 0; i < 8; ++i) {
    uploads.push_back(std::make_unique<TestClient>(server.port()));
    uploads.back()->send(
        "PUT /videos/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n12345");
  }
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return waiting.size();
  };
  EXPECT_TRUE(becomes_true([&] { return count() == 8; }));
  EXPECT_EQ(TestClient(server.port()).ask("GET", "/ok").body, "ok");
  EXPECT_EQ(counts.begun, 0);
  // Somebody runs them now, until each has its answer.
  for (size_t next = 0; counts.finished < 8;) {
    std::unique_lock lock(mutex);
    if (next == waiting.size()) continue;
    const auto task = waiting[next++];
    lock.unlock();
    task();
  }
  for (const auto& upload : uploads) EXPECT_EQ(upload->read_answer().body, "5");
}

TEST_P(HttpUploadTest, AClientThatLeavesMeanwhileIsNoHarm) {
  for (int i = 0; i < 5; ++i) {
    TestClient client(server_->port());
    client.send(head("PUT /videos/slow", "Content-Length: 1000\r\n") + std::string(500, 'x'));
  }
  EXPECT_TRUE(becomes_true([&] { return counts_.begun == 5 && counts_.destroyed == 5; }, 20));
  EXPECT_EQ(TestClient(server_->port()).ask("PUT", "/videos/a", "", "x").body, "1");
}

TEST_P(HttpUploadTest, SaysWhetherToContinue) {
  TestClient client(server_->port());
  client.send(head("PUT /videos/a", "Content-Length: 5\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(client.read_head().status, 100);
  client.send("12345");
  EXPECT_EQ(client.read_answer().body, "5");
  client.send(head("PUT /videos/refused", "Content-Length: 5\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(client.read_answer().status, 409);
  EXPECT_TRUE(client.closed_within(5));
}

TEST_P(HttpUploadTest, RefusesAmbiguousFraming) {
  for (const char* headers :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "Content-Length: +5\r\n",
        "Content-Length: 5 5\r\n", "Content-Length : 5\r\n", "Content-Length: -1\r\n"}) {
    TestClient client(server_->port());
    client.send(head("POST /raw", headers) +
                "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 400) << headers;
    EXPECT_EQ(client.read_answer(5).status, 0) << headers;
  }
}

}  // namespace
}  // namespace shijian::http
