#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>

#include "base/json.h"
#include "http/test_client.h"

namespace shijian::http {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;
using testing::Pair;
using testing::SizeIs;

constexpr const char* kJson = "Content-Type: application/json\r\n";

class HttpServerTest : public testing::Test {
 protected:
  void start(HttpOptions options = test_options()) {
    options.log = [this](const AccessRecord& record) {
      const std::lock_guard lock(mutex_);
      log_.push_back(record);
    };
    server_ = std::make_unique<HttpServer>(options);
    server_->route("GET", "/hello/{}",
                   [](const HttpRequest& request, std::shared_ptr<HttpReply> reply) {
                     reply->send(text_response("hello " + request.captures[0]));
                   });
    server_->route("POST", "/echo",
                   [](const HttpRequest& request, std::shared_ptr<HttpReply> reply) {
                     HttpResponse response;
                     response.body = request.body;
                     reply->send(response);
                   });
    server_->route("POST", "/raw",
                   [](const HttpRequest& request, std::shared_ptr<HttpReply> reply) {
                     reply->send(text_response(std::to_string(request.body.size())));
                   },
                   {.open = true, .json = false});
    server_->route("GET", "/who", [](const HttpRequest& request, std::shared_ptr<HttpReply> reply) {
      reply->send(text_response(request.client));
    });
    server_->route("GET", "/throw/{}",
                   [](const HttpRequest& request, std::shared_ptr<HttpReply> reply) {
                     const std::string& what = request.captures[0];
                     if (what == "invalid")
                       throw Error(ErrorCode::kInvalid, "read x: it is wrong"_text, "mend it"_text);
                     if (what == "conflict") throw HttpError(409, "it runs"_text);
                     if (what == "io")
                       throw Error(ErrorCode::kIo, "open /secret/path: broken"_text);
                     if (what == "answered") {
                       const Error error(ErrorCode::kIo, "write /secret/answered: broken"_text);
                       reply->send(error_response(error, request.id));
                     }
                     if (what == "other") throw std::runtime_error("/secret/path");
                   });
    server_->route("GET", "/header", [](const HttpRequest&, std::shared_ptr<HttpReply> reply) {
      HttpResponse response = text_response("x");
      response.headers = {{"X-Name", "a\r\nX-Evil: b"}};
      reply->send(response);
    });
    server_->route("GET", "/etag", [](const HttpRequest&, std::shared_ptr<HttpReply> reply) {
      HttpResponse response = text_response("page");
      response.headers = {{"etag", "\"1\""}, {"Cache-Control", "no-cache"}};
      reply->send(response);
    });
    server_->session_route("/session");
    server_->start();
  }

  TestAnswer ask(std::string_view method, std::string_view target, std::string_view headers = {},
                 std::string_view body = {}) {
    return TestClient(server_->port()).ask(method, target, headers, body);
  }
  std::vector<AccessRecord> log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  static Json error_of(const TestAnswer& answer) {
    return parse_json(answer.body, "answer").at("error");
  }

  std::mutex mutex_;
  std::vector<AccessRecord> log_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersAndSetsItsHeaders) {
  start();
  const TestAnswer answer = ask("GET", "/hello/a%20b?x=1");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "hello a b");
  EXPECT_THAT(
      answer.headers,
      IsSupersetOf({Pair("content-type", "text/plain"), Pair("x-content-type-options", "nosniff"),
                    Pair("referrer-policy", "no-referrer"), Pair("cache-control", "no-store")}));
  EXPECT_THAT(answer.headers.at("content-security-policy"),
              AllOf(HasSubstr("default-src 'self'"), HasSubstr("frame-ancestors 'none'"),
                    Not(HasSubstr("unsafe"))));
  EXPECT_THAT(answer.headers.at("x-request-id"), SizeIs(16));
  EXPECT_FALSE(answer.headers.contains("access-control-allow-origin"));

  ASSERT_TRUE(becomes_true([&] { return !log().empty(); }));
  const AccessRecord record = log().at(0);
  EXPECT_EQ(record.id, answer.headers.at("x-request-id"));
  EXPECT_EQ(record.client, "127.0.0.1");
  EXPECT_EQ(record.method, "GET");
  EXPECT_EQ(record.path, "/hello/a%20b");
  EXPECT_EQ(record.status, 200);
  EXPECT_EQ(record.bytes, 9);
  EXPECT_FALSE(record.disconnected);
}

TEST_F(HttpServerTest, KeepsConnectionsAlive) {
  start();
  TestClient client(server_->port());
  for (int i = 0; i < 20; ++i)
    ASSERT_EQ(client.ask("GET", "/hello/" + std::to_string(i)).body, "hello " + std::to_string(i));
  EXPECT_EQ(client.ask("GET", "/nothing").status, 404);  // errors keep it, too
  EXPECT_EQ(client.ask("POST", "/echo", kJson, "[1]").body, "[1]");
  EXPECT_EQ(client.ask("POST", "/echo", "", "[1]").status, 415);
  EXPECT_EQ(client.ask("GET", "/hello/x", "Connection: close\r\n").body, "hello x");
  EXPECT_TRUE(client.closed_within(5));
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  start();
  TestClient client(server_->port());
  std::string requests;
  for (int i = 0; i < 50; ++i) {
    requests += fmt::format("GET /hello/{} HTTP/1.1\r\nHost: localhost\r\n\r\n", i);
    requests += fmt::format(
        "POST /echo HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: 2\r\n\r\n{:02}", kJson, i);
  }
  ASSERT_TRUE(client.send(requests));
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(client.read_answer().body, fmt::format("hello {}", i));
    ASSERT_EQ(client.read_answer().body, fmt::format("{:02}", i));
  }
}

TEST_F(HttpServerTest, ReadsChunkedBodies) {
  start();
  TestClient client(server_->port());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(
        client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n" +
                    std::string(kJson) +
                    "\r\n3\r\n[1,\r\nA;x=y\r\n2345678901\r\n1\r\n]\r\n0\r\nX-Trailer: a\r\n\r\n"));
    EXPECT_EQ(client.read_answer().body, "[1,2345678901]");
  }
}

TEST_F(HttpServerTest, AnswersHeadOptionsAndWrongMethods) {
  start();
  TestClient client(server_->port());
  const TestAnswer head = client.ask("HEAD", "/hello/you");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), "9");
  const TestAnswer options = client.ask("OPTIONS", "/hello/you");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers.at("allow"), "GET, HEAD, OPTIONS");
  EXPECT_FALSE(options.headers.contains("access-control-allow-methods"));
  const TestAnswer wrong = client.ask("DELETE", "/hello/you");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.at("allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(error_of(wrong).at("code"), "method_not_allowed");
  EXPECT_EQ(client.ask("BREW", "/hello/you").status, 405);
}

TEST_F(HttpServerTest, WritesErrorsAsJson) {
  start();
  const TestAnswer answer = ask("GET", "/throw/invalid");
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.headers.at("content-type"), "application/json");
  EXPECT_EQ(error_of(answer), Json({{"code", "unprocessable"},
                                    {"message", "read x: it is wrong"},
                                    {"hint", "mend it"},
                                    {"type", "invalid_request_error"},
                                    {"param", nullptr},
                                    {"request_id", answer.headers.at("x-request-id")}}));
  EXPECT_EQ(error_of(ask("GET", "/throw/conflict")).at("code"), "conflict");
  EXPECT_EQ(error_of(ask("GET", "/nothing")).at("code"), "not_found");
  for (const char* path :
       {"/throw/io", "/throw/answered", "/throw/other", "/throw/nothing", "/header"}) {
    const TestAnswer internal = ask("GET", path);
    EXPECT_EQ(internal.status, 500) << path;
    EXPECT_EQ(error_of(internal).at("code"), "internal") << path;
    EXPECT_THAT(internal.body, Not(HasSubstr("/secret"))) << path;
    EXPECT_FALSE(internal.headers.contains("x-evil")) << path;
  }
  ASSERT_TRUE(becomes_true([&] { return server_->statistics().errors == 5; }));
  EXPECT_EQ(server_->statistics().requests, 8);
  ASSERT_TRUE(becomes_true([&] { return log().size() == 8; }));
  std::set<std::string> problems;
  for (const AccessRecord& record : log()) problems.insert(record.problem);
  EXPECT_THAT(problems, IsSupersetOf({"open /secret/path: broken", "write /secret/answered: broken",
                                      "/secret/path", "it runs"}));
}

TEST(HttpErrorResponse, HasTheStatusOfItsCode) {
  const auto answer = [](const Error& error) {
    const HttpResponse response = error_response(error, "id");
    return fmt::format("{} {}", response.status,
                       parse_json(error_json(*response.error, Language::kEnglish), "body")
                           .at("error")
                           .at("code")
                           .get<std::string>());
  };
  EXPECT_EQ(answer(Error(ErrorCode::kUsage, {})), "422 unprocessable");
  EXPECT_EQ(answer(Error(ErrorCode::kUnsupported, {})), "422 unprocessable");
  EXPECT_EQ(answer(Error(ErrorCode::kInvalid, {})), "422 unprocessable");
  EXPECT_EQ(answer(Error(ErrorCode::kNotFound, {})), "404 not_found");
  EXPECT_EQ(answer(Error(ErrorCode::kPermission, {})), "403 forbidden");
  EXPECT_EQ(answer(Error(ErrorCode::kNoMemory, {})), "503 unavailable");
  EXPECT_EQ(answer(Error(ErrorCode::kCancelled, {})), "503 unavailable");
  EXPECT_EQ(answer(Error(ErrorCode::kIo, {})), "500 internal");
  EXPECT_EQ(answer(Error(ErrorCode::kInternal, {})), "500 internal");
  EXPECT_EQ(answer(HttpError(400, {})), "400 bad_request");
  EXPECT_EQ(answer(HttpError(413, {})), "413 too_large");
  EXPECT_EQ(answer(HttpError(415, {})), "415 unsupported_media_type");
  EXPECT_EQ(answer(HttpError(429, {})), "429 busy");
  const HttpResponse busy = error_response(HttpError(429, "full"_text, {}, 7), "id");
  EXPECT_THAT(busy.headers, testing::ElementsAre(Pair("Retry-After", "7")));
  for (const ErrorCode code : {ErrorCode::kNoMemory, ErrorCode::kCancelled, ErrorCode::kBusy}) {
    EXPECT_THAT(error_response(Error(code, {}), "id").headers,
                testing::ElementsAre(Pair("Retry-After", code == ErrorCode::kBusy ? "1" : "5")));
  }
  EXPECT_THAT(error_response(HttpError(503, "full"_text, {}, 7), "id").headers,
              testing::ElementsAre(Pair("Retry-After", "7")));
  EXPECT_THAT(error_response(HttpError(422, {}), "id").headers, testing::IsEmpty());
}

TEST_F(HttpServerTest, AsksForAKey) {
  HttpOptions options = test_options();
  options.keys = {"first", "second"};
  start(options);
  const TestAnswer refused = ask("GET", "/who");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.headers.at("www-authenticate"), "Bearer");
  EXPECT_EQ(error_of(refused).at("code"), "unauthorized");
  EXPECT_EQ(error_of(refused).at("type"), "authentication_error");
  EXPECT_EQ(ask("GET", "/who", "Authorization: Bearer third\r\n").status, 401);
  EXPECT_EQ(ask("GET", "/who", "Authorization: Bearer second\r\n").body, "key 2");
  EXPECT_EQ(ask("POST", "/raw", "", "abc").body, "3");  // open
}

TEST_F(HttpServerTest, ASessionStandsForItsKey) {
  HttpOptions options = test_options();
  options.keys = {"first", "second"};
  start(options);
  const auto cookie_of = [](const TestAnswer& answer) {
    const std::string& cookie = answer.headers.at("set-cookie");
    return fmt::format("Cookie: theme=dark; {}\r\n", cookie.substr(0, cookie.find(';')));
  };
  EXPECT_EQ(ask("POST", "/session").status, 401);
  EXPECT_EQ(ask("POST", "/session", "Authorization: Bearer third\r\n").status, 401);
  const TestAnswer opened = ask("POST", "/session", "Authorization: Bearer second\r\n");
  EXPECT_EQ(opened.status, 204);
  EXPECT_THAT(opened.headers.at("set-cookie"),
              testing::MatchesRegex(
                  "shijian_session=[0-9a-f]+; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict"));
  const std::string cookie = cookie_of(opened);
  const std::string own = cookie + "Origin: http://localhost\r\n";
  const auto echo = [&](const std::string& headers) {
    return ask("POST", "/echo", headers + kJson, "[]").status;
  };
  EXPECT_EQ(ask("GET", "/who", cookie).body, "key 2");
  EXPECT_EQ(echo(own), 200);
  EXPECT_EQ(echo(cookie + "Sec-Fetch-Site: same-origin\r\n"), 200);

  // What changes something has to come from the server's own page.
  EXPECT_EQ(echo(cookie), 403);
  EXPECT_EQ(echo(cookie + "Sec-Fetch-Site: none\r\n"), 403);
  EXPECT_EQ(echo(cookie + "Origin: http://evil.example\r\n"), 403);
  EXPECT_EQ(echo(cookie + "Origin: null\r\n"), 403);
  EXPECT_EQ(echo(own + "Sec-Fetch-Site: cross-site\r\n"), 403);
  EXPECT_EQ(ask("DELETE", "/session", cookie).status, 403);

  EXPECT_EQ(ask("GET", "/who", "Cookie: shijian_session=\r\n").status, 401);
  EXPECT_EQ(ask("GET", "/who", "Cookie: shijian_session=0123\r\n").status, 401);
  EXPECT_EQ(ask("GET", "/who", cookie + "Authorization: Bearer third\r\n").status, 401);
  EXPECT_EQ(ask("POST", "/session", own).status, 401);  // it does not prolong itself

  const TestAnswer other =
      ask("POST", "/session", "Authorization: Bearer first\r\nOrigin: https://localhost\r\n");
  EXPECT_THAT(other.headers.at("set-cookie"), HasSubstr("; Secure"));
  const TestAnswer closed = ask("DELETE", "/session", own);
  EXPECT_EQ(closed.status, 204);
  EXPECT_THAT(closed.headers.at("set-cookie"), HasSubstr("shijian_session=; Path=/; Max-Age=0"));
  EXPECT_EQ(ask("GET", "/who", cookie).status, 401);
  EXPECT_EQ(ask("DELETE", "/session", own).status, 204);
  EXPECT_EQ(ask("GET", "/who", cookie_of(other)).body, "key 1");
}

TEST_F(HttpServerTest, WithoutKeysThereIsNoSessionToOpen) {
  start(test_options());
  for (const char* headers : {"", "Authorization: Bearer any\r\n"}) {
    const TestAnswer answer = ask("POST", "/session", headers);
    EXPECT_EQ(answer.status, 204);
    EXPECT_FALSE(answer.headers.contains("set-cookie"));
  }
}

TEST_F(HttpServerTest, RefusesForeignHostsAndOrigins) {
  HttpOptions options = test_options();
  options.names = {"video.example"};
  start(options);
  const auto status = [&](const std::string& headers) {
    TestClient client(server_->port());
    client.send("POST /echo HTTP/1.1\r\n" + headers + kJson + "Content-Length: 2\r\n\r\n[]");
    return client.read_answer().status;
  };
  EXPECT_EQ(status("Host: video.example\r\n"), 200);
  EXPECT_EQ(status("Host: evil.example\r\n"), 403);
  EXPECT_EQ(status("Host: localhost\r\nHost: evil.example\r\n"), 403);
  EXPECT_EQ(status("Host: localhost:80\r\nOrigin: http://localhost\r\n"), 200);
  EXPECT_EQ(status("Host: localhost\r\nOrigin: http://evil.example\r\n"), 403);
  EXPECT_EQ(status("Host: localhost\r\nSec-Fetch-Site: cross-site\r\n"), 403);
}

TEST_F(HttpServerTest, SlowsClientsThatAskTooOften) {
  HttpOptions options = test_options();
  options.requests_per_second = 5;
  options.keys = {"key"};
  start(options);
  TestClient client(server_->port());
  int served = 0;
  TestAnswer answer;
  while ((answer = client.ask("GET", "/who")).status == 401 && served < 100) ++served;
  EXPECT_GE(served, 10);
  EXPECT_LE(served, 15);
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.headers.at("retry-after"), "1");
  EXPECT_EQ(error_of(answer).at("code"), "busy");
  EXPECT_EQ(client.ask("GET", "/who", "Authorization: Bearer key\r\n").status, 200);
}

TEST_F(HttpServerTest, SaysWhatHasNotChanged) {
  start();
  EXPECT_EQ(ask("GET", "/etag").headers.at("cache-control"), "no-cache");
  for (const char* tags : {"\"1\"", "W/\"1\"", "\"0\", \"1\"", "*"}) {
    const TestAnswer answer = ask("GET", "/etag", fmt::format("If-None-Match: {}\r\n", tags));
    EXPECT_EQ(answer.status, 304) << tags;
    EXPECT_EQ(answer.headers.at("etag"), "\"1\"");
    EXPECT_THAT(answer.body, IsEmpty());
  }
  EXPECT_EQ(ask("GET", "/etag", "If-None-Match: \"2\"\r\n").body, "page");
  EXPECT_EQ(ask("GET", "/hello/x", "If-None-Match: *\r\n").status, 200);
}

}  // namespace
}  // namespace shijian::http
