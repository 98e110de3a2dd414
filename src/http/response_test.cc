// Files over the wire: ranges, conditions, what has changed or gone.
#include "http/response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "http/test_client.h"

namespace shijian::http {
namespace {

class HttpFileTest : public testing::Test {
 protected:
  static HttpOptions impatient_options() {
    HttpOptions options = test_options();
    options.idle_seconds = 1;
    return options;
  }
  HttpFileTest() {
    std::string pattern = testing::TempDir() + "http_file_XXXXXX";
    folder_ = mkdtemp(pattern.data());
    for (int i = 0; i < 100000; ++i) content_ += fmt::format("{:09}\n", i);
    write("video", content_);
    write("empty", "");
    server_.route("GET", "/{}",
                  [this](const HttpRequest& request, std::shared_ptr<HttpReply> reply) {
                    HttpResponse response;
                    response.content_type = "video/mp4";
                    response.file = folder_ / request.captures[0];
                    reply->send(response);
                  });
    server_.start();
  }
  ~HttpFileTest() override {
    server_.stop();
    std::filesystem::remove_all(folder_);
  }

  void write(const std::string& name, const std::string& content) {
    std::ofstream(folder_ / name) << content;
  }
  TestAnswer ask(const std::string& target, const std::string& headers = "",
                 const char* method = "GET") {
    return TestClient(server_.port()).ask(method, target, headers);
  }

  std::filesystem::path folder_;
  std::string content_;
  HttpServer server_{impatient_options()};
};

TEST_F(HttpFileTest, SendsAllOfIt) {
  const TestAnswer answer = ask("/video");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, content_);
  EXPECT_EQ(answer.headers.at("accept-ranges"), "bytes");
  EXPECT_EQ(answer.headers.at("content-type"), "video/mp4");
  EXPECT_EQ(answer.headers.at("cache-control"), "private, no-cache");
  const TestAnswer head = ask("/video", "Range: bytes=0-1\r\n", "HEAD");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), "1000000");
  EXPECT_EQ(ask("/empty").status, 200);
  EXPECT_EQ(ask("/empty").headers.at("content-length"), "0");
}

TEST_F(HttpFileTest, SendsARange) {
  TestClient client(server_.port());
  const auto range = [&](const std::string& text) {
    const TestAnswer answer = client.ask("GET", "/video", "Range: " + text + "\r\n");
    return fmt::format(
        "{} {} {}", answer.status,
        answer.headers.contains("content-range") ? answer.headers.at("content-range") : "-",
        answer.body.size() < 50 ? answer.body : std::to_string(answer.body.size()));
  };
  EXPECT_EQ(range("bytes=0-4"), "206 bytes 0-4/1000000 00000");
  EXPECT_EQ(range("bytes=15-19"), "206 bytes 15-19/1000000 0001\n");
  EXPECT_EQ(range("bytes=999990-"), "206 bytes 999990-999999/1000000 000099999\n");
  EXPECT_EQ(range("bytes=-4"), "206 bytes 999996-999999/1000000 999\n");
  EXPECT_EQ(range("bytes=999998-2000000"), "206 bytes 999998-999999/1000000 9\n");
  EXPECT_EQ(range("bytes=-2000000"), "206 bytes 0-999999/1000000 1000000");
  EXPECT_EQ(range("bytes=0-"), "206 bytes 0-999999/1000000 1000000");
  for (const char* beyond :
       {"bytes=1000000-", "bytes=1000000-1000001", "bytes=-0", "bytes=18446744073709551615-"})
    EXPECT_THAT(range(beyond), testing::StartsWith("416 bytes */1000000 ")) << beyond;
  for (const char* ignored :
       {"bytes=0-1,5-6", "bytes=5-2", "bytes=", "bytes=-", "bytes=a-b", "lines=0-1", "bytes=0-x",
        "bytes=18446744073709551616-", "bytes=--1", "bytes=0x0-1"})
    EXPECT_EQ(range(ignored), "200 - 1000000") << ignored;
  const TestAnswer empty = client.ask("GET", "/empty", "Range: bytes=0-\r\n");
  EXPECT_EQ(empty.status, 416);
  EXPECT_EQ(empty.headers.at("content-range"), "bytes */0");
  EXPECT_EQ(empty.headers.at("content-type"), "application/json");
  const Json error = Json::parse(empty.body)["error"];
  EXPECT_EQ(error["code"], "range_not_satisfiable");
  EXPECT_EQ(error["request_id"], empty.headers.at("x-request-id"));
}

TEST_F(HttpFileTest, KnowsWhatTheClientHas) {
  const TestAnswer first = ask("/video");
  const std::string etag = first.headers.at("etag");
  const std::string modified = first.headers.at("last-modified");
  EXPECT_EQ(ask("/video", "If-None-Match: " + etag + "\r\n").status, 304);
  EXPECT_EQ(ask("/video", "If-Modified-Since: " + modified + "\r\n").status, 304);
  // The tag decides when there are both.
  EXPECT_EQ(ask("/video", "If-None-Match: \"x\"\r\nIf-Modified-Since: " + modified + "\r\n").status,
            200);

  const std::string range = "Range: bytes=0-4\r\n";
  EXPECT_EQ(ask("/video", range + "If-Range: " + etag + "\r\n").status, 206);
  EXPECT_EQ(ask("/video", range + "If-Range: " + modified + "\r\n").status, 206);
  EXPECT_EQ(ask("/video", range + "If-Range: \"x\"\r\n").status, 200);

  write("video", "changed");
  EXPECT_EQ(ask("/video", range + "If-Range: " + etag + "\r\n").body, "changed");
  EXPECT_EQ(ask("/video", "If-None-Match: " + etag + "\r\n").status, 200);
}

TEST_F(HttpFileTest, SaysThatItIsGone) {
  std::filesystem::create_directory(folder_ / "folder");
  for (const char* name : {"/missing", "/folder"}) {
    const TestAnswer answer = ask(name);
    EXPECT_EQ(answer.status, 404) << name;
    EXPECT_EQ(answer.body.find(folder_), std::string::npos) << answer.body;
  }
  // One that shrinks while it is sent ends the connection, as its length has been said; it takes
  // the library the idle time to do so.
  write("video", std::string(64 << 20, 'x'));  // more than the system's buffers take
  TestClient client(server_.port());
  client.send("GET /video HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_EQ(client.read_head().status, 200);
  std::filesystem::resize_file(folder_ / "video", 10);
  EXPECT_TRUE(client.closed_within(5));
}

TEST(HttpAnswer, WritesTheDate) {
  const std::filesystem::path path = testing::TempDir() + "http_date";
  std::ofstream(path) << "x";
  std::filesystem::last_write_time(
      path,
      std::chrono::file_clock::from_sys(std::chrono::sys_seconds(std::chrono::seconds(784111777))));
  HttpResponse response;
  response.file = path;
  const Response answer = make_response(response, {});
  std::filesystem::remove(path);
  EXPECT_THAT(answer.headers,
              testing::Contains(testing::Pair("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")));
}

TEST(HttpErrorResponse, IsInTheLanguageOfItsRequest) {
  const auto told = [](const Error& error, const char* language) {
    HttpRequest request;
    request.headers["accept-language"] = language;
    const Response answer = make_response(error_response(error, "id", "stop"), request);
    EXPECT_EQ(answer.size, answer.body.size());
    return parse_json(answer.body, "body").at("error");
  };
  const Error missing(ErrorCode::kNotFound, "nothing is at this path"_text, "check the URL"_text);
  const Json english = told(missing, "");
  EXPECT_EQ(english, (Json{{"code", "not_found"},
                           {"message", "nothing is at this path"},
                           {"hint", "check the URL"},
                           {"type", "invalid_request_error"},
                           {"param", "stop"},
                           {"request_id", "id"}}));
  Json chinese = english;
  chinese["message"] = "这个路径下没有内容";
  chinese["hint"] = "检查网址";
  EXPECT_EQ(told(missing, "zh-CN,zh;q=0.9,en;q=0.8"), chinese);
  EXPECT_EQ(told(missing, "en-GB,zh;q=0.5"), english);
  // Names in it stay as they are, and what is not for clients is not shown in any language.
  const Error named(ErrorCode::kUsage, "'mode' is '{}'"_text("too many requests"));
  EXPECT_NE(told(named, "zh")["message"].get<std::string>().find("too many requests"),
            std::string::npos);
  const Error secret(ErrorCode::kIo, "open {}: broken"_text("/secret/path"));
  EXPECT_EQ(told(secret, "zh")["message"], "服务器未能回答这个请求");
}

}  // namespace
}  // namespace shijian::http
