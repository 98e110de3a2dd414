// Clients that mean harm, or know no better.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "base/sanitized.h"
#include "http/test_client.h"

namespace shijian::http {
namespace {

using testing::AnyOf;

int64_t open_descriptors() {
  int64_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    count += !entry.path().empty();
  return count;
}

int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

class NullUpload : public HttpUpload {
 public:
  void write(std::span<const std::byte>) override {}
  void finish(std::shared_ptr<HttpReply> reply) override { reply->send(text_response("done")); }
};

class HostileClientTest : public testing::Test {
 protected:
  void start(HttpOptions options) {
    server_ = std::make_unique<HttpServer>(options);
    server_->route("GET", "/ok", [](const HttpRequest&, std::shared_ptr<HttpReply> reply) {
      reply->send(text_response("ok"));
    });
    server_->route("GET", "/large", [](const HttpRequest&, std::shared_ptr<HttpReply> reply) {
      reply->send(text_response(std::string(64 << 20, 'x')));  // more than the buffers take
    });
    server_->route("POST", "/echo",
                   [](const HttpRequest& request, std::shared_ptr<HttpReply> reply) {
                     reply->send(text_response(request.body));
                   });
    server_->route("GET", "/stream", [](const HttpRequest&, std::shared_ptr<HttpReply> reply) {
      HttpResponse response;
      response.stream = true;
      reply->send(response)->write("piece");
    });
    server_->upload_route("PUT", "/videos/{}",
                          [](const HttpRequest&) { return std::make_unique<NullUpload>(); });
    server_->start();
  }
  TestClient connect() { return TestClient(server_->port()); }
  bool serves() { return connect().ask("GET", "/ok").body == "ok"; }

  std::unique_ptr<HttpServer> server_;
};

HttpOptions impatient() {
  HttpOptions options = test_options();
  options.idle_seconds = 1;
  return options;
}

// Sends a byte each 100 ms, so that the connection never idles, for at most 5 s.
bool is_cut_off(TestClient& client, const std::string& bytes) {
  for (size_t i = 0; i < 50; ++i) {
    if (!client.send(bytes.substr(i % bytes.size(), 1)) || client.closed_within(0.1)) return true;
  }
  return false;
}

TEST_F(HostileClientTest, SlowHeadsAreCut) {
  start(impatient());
  TestClient line = connect();
  EXPECT_TRUE(is_cut_off(line, "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
  TestClient headers = connect();
  headers.send("GET /ok HTTP/1.1\r\nHost: localhost\r\n");
  EXPECT_TRUE(is_cut_off(headers, "A: b\r\n"));
  TestClient second = connect();  // also behind a request that was fine
  EXPECT_EQ(second.ask("GET", "/ok").body, "ok");
  EXPECT_TRUE(is_cut_off(second, "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
  TestClient silent = connect();
  EXPECT_TRUE(silent.closed_within(5));
  EXPECT_TRUE(serves());
}

TEST_F(HostileClientTest, SlowBodiesAreCut) {
  start(impatient());
  for (const char* target : {"POST /echo", "PUT /videos/a"}) {
    TestClient client = connect();
    client.send(std::string(target) +
                " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
                "1000\r\n\r\n");
    EXPECT_TRUE(is_cut_off(client, "x")) << target;
  }
  // A body that makes headway may take longer than the idle time.
  TestClient fair = connect();
  fair.send("PUT /videos/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n");
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(fair.send(std::string(15000, 'x')));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_EQ(fair.read_answer().body, "done");
}

TEST_F(HostileClientTest, WhoDoesNotReadIsCut) {
  start(impatient());
  TestClient client = connect();
  client.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(becomes_true([&] { return server_->statistics().requests == 1; }));
  EXPECT_TRUE(becomes_true([&] { return server_->statistics().connections == 0; }));
  EXPECT_TRUE(serves());
}

TEST_F(HostileClientTest, HeadsHaveALimit) {
  start(test_options());
  const auto status = [&](const std::string& text) {
    TestClient client = connect();
    client.send(text);
    return client.read_answer().status;
  };
  const std::string fine = "GET /ok HTTP/1.1\r\nHost: localhost\r\n";
  EXPECT_EQ(status(fine + "A: " + std::string(15000, 'a') + "\r\n\r\n"), 200);
  EXPECT_EQ(status(fine + "A: " + std::string(17000, 'a') + "\r\n\r\n"), 431);
  EXPECT_EQ(status(fine + "A: " + std::string(1 << 20, 'a')), 431);
  EXPECT_EQ(status("GET /" + std::string(17000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            431);
  EXPECT_EQ(status("GET /" + std::string(1 << 20, 'a')), 414);
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "A:b\r\n";
  EXPECT_EQ(status(fine + many + "\r\n"), 431);
  EXPECT_TRUE(serves());
}

TEST_F(HostileClientTest, MalformedRequestsAreRefused) {
  start(test_options());
  const std::string host = "Host: localhost\r\n\r\n";
  const std::vector<std::string> malformed = {
      "\r\n\r\nGET\r\n\r\n",
      "GET\r\n" + host,
      "GET /ok\r\n" + host,
      "GET /ok HTTP/1.1 x\r\n" + host,
      "GET /ok HTTP/2.0\r\n" + host,
      "GET /ok HTTP/0.9\r\n" + host,
      "GET /ok http/1.1\r\n" + host,

      "G(T /ok HTTP/1.1\r\n" + host,
      " GET /ok HTTP/1.1\r\n" + host,
      "GET /o k HTTP/1.1\r\n" + host,
      "GET ok HTTP/1.1\r\n" + host,
      "GET http://localhost/ok HTTP/1.1\r\n" + host,
      "GET /ok HTTP/1.1\r\nHost\r\n\r\n",
      "GET /ok HTTP/1.1\r\n: a\r\n" + host,
      "GET /ok HTTP/1.1\r\nA b: c\r\n" + host,
      std::string("GET /ok HTTP/1.1\r\nA: \x01\r\n") + host,
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15) + host,
      std::string("GET /ok HTTP/1.1\r\n\r\n"),
      "GET /ok HTTP/1.0\r\n\r\n" + host};
  for (const std::string& text : malformed) {
    TestClient client = connect();
    client.send(text);
    client.finish_sending();
    const TestAnswer answer = client.read_answer();
    // The library closes without a word when it finds no target.
    EXPECT_THAT(answer.status, AnyOf(0, 400, 403, 505)) << text;
  }
  EXPECT_TRUE(serves());
}

TEST_F(HostileClientTest, OneClientGetsSoManyConnections) {
  HttpOptions options = test_options();
  options.max_connections = 40;
  options.max_connections_per_client = 10;
  start(options);
  std::vector<TestClient> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(connect());
    ASSERT_EQ(clients.back().ask("GET", "/ok").body, "ok") << i;
  }
  EXPECT_TRUE(connect().closed_within(5));
  clients.pop_back();
  EXPECT_TRUE(becomes_true([&] { return serves(); }));
}

// What a request is damaged from, and where: anything from a byte to a whole line.
std::string damaged(std::mt19937& random) {
  static const std::vector<std::string> kSeeds = {
      "GET /ok?a=1&b=%20 HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n",
      ("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
       "Content-Length: 13\r\n\r\n{\"a\": [1, 2]}"),
      ("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
       "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n"),
      ("PUT /videos/a.mp4 HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
       "Content-Length: 4\r\n\r\nftyp"),
      ("HEAD /stream HTTP/1.0\r\nHost: 127.0.0.1:80\r\nConnection: keep-alive\r\n"
       "Cookie: a=b; c=\"d\"\r\n\r\n"),
      "GET /stream HTTP/1.1\r\nHost: [::1]\r\nRange: bytes=0-\r\nOrigin: http://[::1]\r\n\r\n"};
  static const std::vector<std::string> kPieces = {
      "\r\n",
      "\n",
      "\r",
      "\r\n\r\n",
      " ",
      "\t",
      ":",
      "%00",
      "%",
      "/../",
      std::string(1, '\0'),
      "\xff",
      "HTTP/1.1",
      "Content-Length: 99999999999999999999\r\n",
      "Content-Length: 7\r\n",
      "Transfer-Encoding: chunked\r\n",
      "0\r\n\r\n",
      "ffffffffffffffff\r\n",
      "Host: evil\r\n",
      "Connection: upgrade, close\r\nUpgrade: websocket\r\n",
      "GET / HTTP/1.1\r\n",
      std::string(5000, 'A'),
      std::string(70000, 'B'),
      "?",
      "&",
      "#",
      "Expect: 100-continue\r\n",
      "\r\n folded: x"};
  std::string text = kSeeds[random() % kSeeds.size()];
  for (int edits = 1 + static_cast<int>(random() % 4); edits > 0; --edits) {
    const size_t at = random() % (text.size() + 1);
    switch (random() % 5) {
      case 0:
        text.insert(at, kPieces[random() % kPieces.size()]);
        break;
      case 1:
        text.erase(at, 1 + random() % 20);
        break;
      case 2:
        if (at < text.size()) text[at] = static_cast<char>(random());
        break;
      case 3:
        text.insert(at, text.substr(random() % text.size(), random() % 40));
        break;
      default:
        text.resize(std::max<size_t>(at, 1));
    }
    if (text.empty()) text = "x";
  }
  return text;
}

TEST_F(HostileClientTest, SurvivesAThousandMalformedRequests) {
  HttpOptions options = impatient();
  start(options);
  int answered = 0;
  const auto attack = [&] {
    std::mt19937 random(20240607);
    answered = 0;
    for (int i = 0; i < 1000; ++i) {
      TestClient client = connect();
      const std::string text = damaged(random);
      client.send(text);
      client.finish_sending();
      answered += client.read_head(5).status != 0;
      ASSERT_TRUE(client.closed_within(5)) << i << ": " << text;
    }
    ASSERT_TRUE(becomes_true([&] { return server_->statistics().connections == 0; }));
  };
  attack();
  const int64_t descriptors = open_descriptors();
  const int64_t memory = resident_bytes();
  EXPECT_GT(answered, 500);
  attack();
  EXPECT_EQ(open_descriptors(), descriptors);
  if (!kSanitized) {
    EXPECT_LT(resident_bytes(), memory + (5 << 20));
  }
  EXPECT_TRUE(serves());
}

}  // namespace
}  // namespace shijian::http
