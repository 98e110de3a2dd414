// Answers that come later and streams: other threads, many clients, clients that leave, stop().
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "http/sse.h"
#include "http/test_client.h"

namespace shijian::http {
namespace {

constexpr const char* kAskForStream = "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr const char* kAskLater = "GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n";

class HttpStreamTest : public testing::Test {
 protected:
  HttpStreamTest() : HttpStreamTest(test_options()) {}
  explicit HttpStreamTest(HttpOptions options) {
    options.log = [this](const AccessRecord& record) {
      disconnects_in_log_ += record.disconnected;
    };
    server_ = std::make_unique<HttpServer>(options);
    server_->route("GET", "/stream", [this](const HttpRequest&, std::shared_ptr<HttpReply> reply) {
      reply->on_disconnect([this] { ++disconnects_; });
      HttpResponse response;
      response.stream = true;
      response.content_type = kEventStreamType;
      auto stream = reply->send(response);
      stream->write(sse_comment("hello"));
      const std::lock_guard lock(mutex_);
      streams_.push_back(stream);
    });
    server_->route("GET", "/later", [this](const HttpRequest&, std::shared_ptr<HttpReply> reply) {
      reply->on_disconnect([this] { ++disconnects_; });
      const std::lock_guard lock(mutex_);
      replies_.push_back(reply);
    });
    server_->route("GET", "/now", [](const HttpRequest&, std::shared_ptr<HttpReply> reply) {
      reply->send(text_response("now"));
    });
    server_->start();
  }

  template <typename Things>
  bool has(const Things& things, size_t count) {
    return becomes_true([&] {
      const std::lock_guard lock(mutex_);
      return things.size() == count;
    });
  }
  TestClient connect(const char* request) {
    TestClient client(server_->port());
    EXPECT_TRUE(client.send(request));
    return client;
  }

  std::mutex mutex_;
  std::vector<std::shared_ptr<HttpStream>> streams_;
  std::vector<std::shared_ptr<HttpReply>> replies_;
  std::atomic<int> disconnects_{0}, disconnects_in_log_{0};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpStreamTest, SendsEachPieceAtOnce) {
  TestClient client = connect(kAskForStream);
  const TestAnswer head = client.read_head();
  EXPECT_EQ(head.headers.at("content-type"), "text/event-stream");
  EXPECT_EQ(client.read_chunk(), ": hello\n\n");
  ASSERT_TRUE(has(streams_, 1));
  for (int i = 0; i < 100; ++i) {
    const auto start = std::chrono::steady_clock::now();
    ASSERT_TRUE(streams_[0]->write(sse_event("job", std::to_string(i))));
    ASSERT_EQ(client.read_chunk(), sse_event("job", std::to_string(i)));
    ASSERT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  }
  streams_[0]->close();
  EXPECT_EQ(client.read_chunk(), "");
  EXPECT_FALSE(streams_[0]->write("late"));
  EXPECT_EQ(client.ask("GET", "/now").body, "now");  // the connection goes on
  EXPECT_EQ(disconnects_, 0);
}

TEST_F(HttpStreamTest, EndsWhenItsWriterIsDropped) {
  TestClient client = connect(kAskForStream);
  client.read_head();
  EXPECT_EQ(client.read_chunk(), ": hello\n\n");
  ASSERT_TRUE(has(streams_, 1));
  streams_.clear();
  EXPECT_EQ(client.ask("GET", "/now").status, 0);  // the last chunk, which is no answer
  EXPECT_EQ(client.read_answer().body, "now");
}

TEST_F(HttpStreamTest, ServesHttp10) {
  TestClient client = connect("GET /stream HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.read_head().headers.contains("transfer-encoding"), false);
  EXPECT_EQ(client.read_to("\n\n"), ": hello\n\n");
  ASSERT_TRUE(has(streams_, 1));
  streams_[0]->write("data: x\n\n");
  EXPECT_EQ(client.read_to("\n\n"), "data: x\n\n");
  streams_[0]->close();
  EXPECT_TRUE(client.closed_within(5));
}

TEST_F(HttpStreamTest, HeadGetsNoneAndTheWriterHears) {
  TestClient client(server_->port());
  EXPECT_EQ(client.ask("HEAD", "/stream").status, 200);
  EXPECT_TRUE(becomes_true([&] { return disconnects_ == 1; }));
  EXPECT_FALSE(streams_.at(0)->write("x"));
}

TEST_F(HttpStreamTest, KeepsAtMostAMebibyteForASlowReader) {
  TestClient client = connect(kAskForStream);
  ASSERT_TRUE(has(streams_, 1));
  const std::string piece(64 << 10, 'x');
  size_t written = 0;
  // The system's buffers take some megabytes; then the server keeps one more.
  while (written < (size_t{64} << 20) && streams_[0]->write(piece)) written += piece.size();
  EXPECT_LT(written, size_t{64} << 20);
  EXPECT_FALSE(streams_[0]->write(std::string((1 << 20) + 1, 'x')));
  streams_[0]->close();
  const TestAnswer head = client.read_head();
  size_t received = 0;
  for (std::string got = client.read_chunk(); !got.empty(); got = client.read_chunk())
    received += got.size();
  EXPECT_EQ(received, written + sse_comment("hello").size());
}

TEST_F(HttpStreamTest, AnswersFromOtherThreads) {
  std::vector<TestClient> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(connect(kAskLater));
  ASSERT_TRUE(has(replies_, 20));
  EXPECT_EQ(TestClient(server_->port()).ask("GET", "/now").body, "now");  // nobody blocks anybody
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this] {  // each answers all: the second answer is ignored
      for (const auto& reply : replies_) reply->send(text_response("later"));
    });
  }
  for (auto& thread : threads) thread.join();
  for (TestClient& client : clients) {
    EXPECT_EQ(client.read_answer().body, "later");
    EXPECT_EQ(client.ask("GET", "/now").body, "now");
  }
  HttpResponse response;
  response.stream = true;
  EXPECT_FALSE(replies_[0]->send(response)->write("x"));
  EXPECT_EQ(disconnects_, 0);
}

TEST_F(HttpStreamTest, AnswersForAReplyThatIsDropped) {
  TestClient client = connect(kAskLater);
  ASSERT_TRUE(has(replies_, 1));
  std::thread([this] { replies_.clear(); }).join();
  EXPECT_EQ(client.read_answer().status, 500);
}

TEST_F(HttpStreamTest, HearsWithinASecondThatAClientIsGone) {
  TestClient waiting = connect(kAskLater);
  TestClient streaming = connect(kAskForStream);
  ASSERT_TRUE(has(replies_, 1));
  ASSERT_TRUE(has(streams_, 1));
  streaming.read_head();
  const auto reply = replies_[0];
  EXPECT_FALSE(reply->disconnected().stop_requested());
  waiting.close();
  EXPECT_TRUE(becomes_true([&] { return disconnects_ == 1; }, 1));
  EXPECT_TRUE(reply->disconnected().stop_requested());
  streaming.close();
  EXPECT_TRUE(becomes_true([&] { return disconnects_ == 2; }, 1));
  EXPECT_FALSE(streams_[0]->write("x"));
  bool at_once = false;
  reply->on_disconnect([&] { at_once = true; });
  EXPECT_TRUE(at_once);
  reply->send(text_response("too late"));
  EXPECT_TRUE(becomes_true([&] { return server_->statistics().connections == 0; }));
  EXPECT_TRUE(becomes_true([&] { return disconnects_in_log_ == 2; }));
}

TEST_F(HttpStreamTest, ServesTwoHundredStreams) {
  std::vector<TestClient> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(connect(kAskForStream));
  ASSERT_TRUE(has(streams_, 200));
  for (TestClient& client : clients) {
    client.read_head();
    ASSERT_EQ(client.read_chunk(), ": hello\n\n");
  }
  for (int round = 0; round < 5; ++round) {
    const std::string event = sse_event("job", std::to_string(round));
    for (const auto& stream : streams_) ASSERT_TRUE(stream->write(event));
    EXPECT_EQ(TestClient(server_->port()).ask("GET", "/now").body, "now");
    for (TestClient& client : clients) ASSERT_EQ(client.read_chunk(), event);
  }
  clients.clear();
  EXPECT_TRUE(becomes_true([&] { return disconnects_ == 200; }));
  EXPECT_TRUE(becomes_true([&] { return server_->statistics().connections == 0; }));
}

// The library looks at its connections from the one that is quiet for longest, and stops at the
// first that lives: those that it closed behind that one must not wait until its time is over.
TEST_F(HttpStreamTest, LetsGoOfEndedStreamsBesideQuietConnections) {
  std::vector<TestClient> quiet;
  for (int i = 0; i < 20; ++i) {  // enough for each of the server's threads
    quiet.emplace_back(server_->port());
    ASSERT_EQ(quiet.back().ask("GET", "/now").body, "now");
  }
  {
    std::vector<TestClient> leaving;
    for (int i = 0; i < 10; ++i) leaving.push_back(connect(kAskForStream));
    for (TestClient& client : leaving) client.read_head();
  }
  EXPECT_TRUE(becomes_true([&] { return server_->statistics().connections == 20; }));
  // An answer whose end is the connection's.
  TestClient old = connect("GET /stream HTTP/1.0\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(has(streams_, 11));
  EXPECT_EQ(server_->statistics().connections, 21);
  streams_.back()->close();
  EXPECT_TRUE(old.closed_within(5));
  EXPECT_TRUE(becomes_true([&] { return server_->statistics().connections == 20; }));
}

TEST_F(HttpStreamTest, WritersAndLeavingClientsDoNotDisturbEachOther) {
  std::atomic<bool> done{false};
  std::thread writer([&] {
    while (!done) {
      const std::lock_guard lock(mutex_);
      std::erase_if(streams_, [](const auto& stream) { return !stream->write(sse_comment("x")); });
      for (const auto& reply : std::exchange(replies_, {})) reply->send(text_response("later"));
    }
  });
  for (int i = 0; i < 300; ++i) {
    TestClient client = connect(i % 2 ? kAskForStream : kAskLater);
    if (i % 3 == 0) client.read_head();
  }
  done = true;
  writer.join();
  EXPECT_EQ(TestClient(server_->port()).ask("GET", "/now").body, "now");
}

class HttpStopTest : public HttpStreamTest {};

TEST_F(HttpStopTest, EndsStreamsAndAnswersWhoWaits) {
  TestClient streaming = connect(kAskForStream);
  TestClient waiting = connect(kAskLater);
  TestClient idle = connect("");
  ASSERT_TRUE(has(streams_, 1));
  ASSERT_TRUE(has(replies_, 1));
  const auto start = std::chrono::steady_clock::now();
  server_->stop(0.2);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(3));
  streaming.read_head();
  EXPECT_EQ(streaming.read_chunk(), ": hello\n\n");
  EXPECT_EQ(streaming.read_chunk(), "");
  const TestAnswer answer = waiting.read_answer();
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(idle.closed_within(1));
  EXPECT_FALSE(TestClient(server_->port()).connected());
  replies_[0]->send(text_response("too late"));
  EXPECT_FALSE(streams_[0]->write("too late"));
  server_->stop();  // again
}

TEST_F(HttpStopTest, WaitsForRunningReplies) {
  TestClient waiting = connect(kAskLater);
  ASSERT_TRUE(has(replies_, 1));
  std::thread answer([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    replies_[0]->send(text_response("in time"));
  });
  server_->stop(10);
  answer.join();
  EXPECT_EQ(waiting.read_answer().body, "in time");
}

TEST_F(HttpStopTest, CutsWhoDoesNotRead) {
  TestClient streaming = connect(kAskForStream);
  ASSERT_TRUE(has(streams_, 1));
  while (becomes_true([&] { return streams_[0]->write(std::string(64 << 10, 'x')); }, 0.3)) {
  }
  server_->stop(0.2);
  EXPECT_EQ(disconnects_, 1);
}

}  // namespace
}  // namespace shijian::http
