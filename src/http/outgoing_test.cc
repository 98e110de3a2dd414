#include "http/outgoing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "http/test_client.h"

namespace shijian::http {
namespace {

using ::testing::HasSubstr;

ErrorCode refusal(const AllowedHosts& hosts, const std::string& url) {
  try {
    hosts.check(url);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::kInternal;
}

TEST(AllowedHosts, AreWhatTheListSays) {
  const AllowedHosts hosts({"example.org", "*.Films.example", "192.168.1.5:8000", "::1"});
  for (const char* url :
       {"http://example.org/a.mp4", "https://EXAMPLE.org:8443/", "https://example.org./a",
        "http://a.films.example/x", "http://a.b.films.example/", "http://192.168.1.5:8000/",
        "http://[::1]:9/"}) {
    EXPECT_NO_THROW(hosts.check(url)) << url;
  }
  for (const char* url : {"http://example.org.evil.net/", "http://evil-example.org/",
                          "http://films.example/", "http://192.168.1.5/",
                          "http://192.168.1.5:8001/", "http://localhost/", "http://0xc0a80105/"}) {
    EXPECT_EQ(refusal(hosts, url), ErrorCode::kPermission) << url;
  }
  for (const char* url : {"", "example.org/a.mp4", "file:///etc/passwd", "ftp://example.org/",
                          "http:///", "http://user:secret@example.org/",
                          "http://example.org@evil.net/", "http://example.org/\r\nX: y"}) {
    EXPECT_EQ(refusal(hosts, url), ErrorCode::kUsage) << url;
  }
  EXPECT_EQ(refusal({}, "http://example.org/"), ErrorCode::kPermission);
  const AllowedUrl read = hosts.check("HTTPS://EXAMPLE.org./films/a%20b.mp4?x=1#t");
  EXPECT_EQ(
      fmt::format("{} {} {} {} {}", read.scheme, read.host, read.port, read.path, read.literal),
      "https example.org 443 /films/a%20b.mp4 false");
  EXPECT_TRUE(hosts.check("http://[::1]/").literal);
  for (const char* host : {"", "http://example.org", "a/b", "a b", "*", "*.*.org"}) {
    EXPECT_THROW(AllowedHosts({host}), Error) << host;
  }
}

class Outgoing : public testing::Test {
 protected:
  Outgoing() {
    server_ = std::make_unique<HttpServer>(test_options());
    route("GET", "/film",
          [](const HttpRequest&) { return text_response(std::string(100000, 'f')); });
    route("GET", "/there", [this](const HttpRequest&) { return moved(url("/film")); });
    route("GET", "/away", [](const HttpRequest&) { return moved("http://10.0.0.1/secret"); });
    route("GET", "/file", [](const HttpRequest&) { return moved("file:///etc/passwd"); });
    route("GET", "/round", [this](const HttpRequest&) { return moved(url("/round")); });
    server_->route("POST", "/hook", [this](const HttpRequest& request, auto reply) {
      posted_ = request.body;
      signature_ = std::string(request.header("x-signature"));
      reply->send(text_response(std::string(1 << 20, 'x')));
    });
    server_->route("GET", "/never", [this](const HttpRequest&, auto reply) {
      const std::lock_guard lock(mutex_);
      held_ = reply;
    });
    server_->start();
  }
  ~Outgoing() override {
    const std::lock_guard lock(mutex_);
    held_.reset();
  }

  static HttpResponse moved(const std::string& to) {
    HttpResponse response;
    response.status = 302;
    response.headers.emplace_back("Location", to);
    return response;
  }
  template <typename Answer>
  void route(const char* method, const char* path, Answer answer) {
    server_->route(method, path, [answer](const HttpRequest& request, auto reply) {
      reply->send(answer(request));
    });
  }
  std::string url(const std::string& path) {
    return fmt::format("http://127.0.0.1:{}{}", server_->port(), path);
  }
  // What came, or "code: message".
  std::string fetched(const std::string& from, int64_t max_bytes = 1 << 20) {
    std::string bytes;
    try {
      download(
          hosts_.check(from), hosts_, max_bytes,
          [&](std::span<const std::byte> piece) {
            bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
          },
          cancel_.get_token());
    } catch (const Error& error) {
      return fmt::format("{}: {}", error_code_name(error.code()), error.message());
    }
    return bytes;
  }

  std::unique_ptr<HttpServer> server_;
  AllowedHosts hosts_{{"127.0.0.1", "nowhere.invalid"}};
  std::stop_source cancel_;
  std::string posted_, signature_;
  std::mutex mutex_;
  std::shared_ptr<HttpReply> held_;
};

TEST_F(Outgoing, DownloadsWhatIsAllowed) {
  EXPECT_EQ(fetched(url("/film")), std::string(100000, 'f'));
  EXPECT_EQ(fetched(url("/there")), std::string(100000, 'f'));
  EXPECT_THAT(fetched(url("/film"), 99999), HasSubstr("more than 99999 bytes"));
  EXPECT_THAT(fetched(url("/nothing")), HasSubstr("answers 404"));
  EXPECT_THAT(fetched("http://nowhere.invalid/"), HasSubstr("nowhere.invalid"));
}

TEST_F(Outgoing, ChecksEveryRedirection) {
  EXPECT_THAT(fetched(url("/away")), HasSubstr("10.0.0.1 is not an allowed host"));
  EXPECT_THAT(fetched(url("/file")), HasSubstr("no http or https URL"));
  EXPECT_THAT(fetched(url("/round")), HasSubstr("redirections"));
}

// The name is on the list, but it leads to this machine.
TEST_F(Outgoing, ANameMustNotLeadInside) {
  hosts_ = AllowedHosts({"films.localhost"});
  EXPECT_THAT(fetched(fmt::format("http://films.localhost:{}/film", server_->port())),
              HasSubstr("private network"));
}

TEST_F(Outgoing, StopsWhenItIsCancelled) {
  std::thread canceller([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    cancel_.request_stop();
  });
  EXPECT_THAT(fetched(url("/never")), HasSubstr("cancelled"));
  canceller.join();
}

TEST_F(Outgoing, PostsJson) {
  const auto post = [&](const std::string& to, const char* body) {
    return post_json(hosts_.check(to), body, {{"X-Signature", "s"}}, {});
  };
  EXPECT_EQ(post(url("/hook"), R"({"a": 1})"), 200);
  EXPECT_EQ(posted_, R"({"a": 1})");
  EXPECT_EQ(signature_, "s");
  EXPECT_EQ(post(url("/film"), "{}"), 405);
  EXPECT_THROW(post("http://127.0.0.1:1/", "{}"), Error);
}

}  // namespace
}  // namespace shijian::http
