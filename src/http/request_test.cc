#include "http/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "http/listen.h"

namespace shijian::http {
namespace {

using testing::ElementsAre;
using testing::Pair;

int status_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const HttpError& error) {
    return error.status();
  }
  return 200;
}

HttpRequest read(const RequestHead& head) {
  HttpRequest request;
  read_head(head, request);
  return request;
}

HttpRequest with_headers(std::vector<std::pair<std::string, std::string>> headers,
                         std::string method = "POST") {
  return read({std::move(method), "/", std::move(headers)});
}

int status_of_target(const std::string& target) {
  return status_of([&] { read({"GET", target, {}}); });
}

TEST(HttpRequestHead, DecodesPathAndQuery) {
  const HttpRequest request = read({"GET",
                                    "/api/%e4%b8%ad%20x.mp4/...?a=1+2&b=%26&c&d=x=y&&",
                                    {{"Accept", "a"}, {"accept", "b"}}});
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.path, "/api/中 x.mp4/...");
  EXPECT_THAT(request.query,
              ElementsAre(Pair("a", "1 2"), Pair("b", "&"), Pair("c", ""), Pair("d", "x=y")));
  EXPECT_EQ(request.header("accept"), "a, b");
  EXPECT_EQ(request.header("range"), "");
}

TEST(HttpRequestHead, RefusesPathsThatLeave) {
  for (const char* target : {"/..", "/a/../b", "/a/..", "/./a", "/a/%2e%2e/b", "/%2E/", "/a%2fb",
                             "/a%2Fb", "/a%5cb", "/a\\b", "/a%00b", "/..%2f..%2fetc/passwd"})
    EXPECT_EQ(status_of_target(target), 403) << target;
}

TEST(HttpRequestHead, RefusesMalformedTargets) {
  for (const char* target :
       {"", "a", "*", "http://localhost/", "/%", "/%4", "/%zz", "/%ff", "/\xc0\xaf", "/a%0ab",
        "/\x01", "/a b", "/?a=1&a=2", "/?a=1&%61=2", "/?a=%", "/?a=%ff", "/?a=%00", "/?%0a=1"})
    EXPECT_EQ(status_of_target(target), 400) << target;
}

TEST(HttpRequestHead, RefusesMalformedHeaders) {
  const auto status = [](std::string name, std::string value) {
    return status_of([&] { with_headers({{name, value}}); });
  };
  EXPECT_EQ(status("A", "b\tc"), 200);
  EXPECT_EQ(status("A b", "c"), 400);
  EXPECT_EQ(status("", "c"), 400);
  EXPECT_EQ(status("A", "b\x01"), 400);
  EXPECT_EQ(status("A", "b\x7f"), 400);
  EXPECT_EQ(status_of([] { with_headers({}, "G T"); }), 400);
  EXPECT_EQ(status_of([] { read({"GET", "/", {}, kMaxHeadBytes + 1}); }), 431);
}

TEST(HttpRequestHead, KnowsHowTheBodyIsFramed) {
  const auto framing = [](std::vector<std::pair<std::string, std::string>> headers) {
    return body_framing(with_headers(std::move(headers)));
  };
  EXPECT_FALSE(framing({}).present);
  EXPECT_FALSE(framing({{"Content-Length", "0"}}).present);
  EXPECT_EQ(framing({{"Content-Length", "12"}, {"Expect", "100-Continue"}}).length, 12u);
  EXPECT_TRUE(framing({{"Content-Length", "12"}, {"Expect", "100-Continue"}}).expects_continue);
  EXPECT_TRUE(framing({{"Transfer-Encoding", "Chunked"}}).present);
  EXPECT_FALSE(framing({{"Transfer-Encoding", "chunked"}}).length);
  for (const char* length : {"", "+1", "-1", "1a", "0x10", "18446744073709551616", "1, 1"})
    EXPECT_EQ(status_of([&] { framing({{"Content-Length", length}}); }), 400) << length;
  EXPECT_EQ(status_of([&] { framing({{"Content-Length", "1"}, {"Content-Length", "1"}}); }), 400);
  EXPECT_EQ(status_of([&] {
              framing({{"Content-Length", "1"}, {"Transfer-Encoding", "chunked"}});
            }),
            400);
  EXPECT_EQ(status_of([&] { framing({{"Transfer-Encoding", "gzip"}}); }), 400);
  EXPECT_EQ(status_of([&] { framing({{"Transfer-Encoding", ""}}); }), 400);
}

TEST(HttpRequestHead, ChecksTheHost) {
  const auto names = host_names("0.0.0.0", {"Video.example"});
  const auto status = [&](const char* host) {
    return status_of([&] { check_host(with_headers({{"Host", host}}), names); });
  };
  for (const char* host : {"localhost", "LOCALHOST:7860", "127.0.0.1:1", "[::1]", "[::1]:7860",
                           "0.0.0.0:", "video.example:443"})
    EXPECT_EQ(status(host), 200) << host;
  for (const char* host : {"", "evil.example", "localhost.evil.example", "localhost:x",
                           "localhost:123456", "localhost:80:80", "user@localhost", "[::1", "::1",
                           ":80", "127.0.0.1.", "localhost, localhost"})
    EXPECT_EQ(status(host), 403) << host;
  EXPECT_EQ(status_of([&] { check_host(with_headers({}), names); }), 403);
  EXPECT_EQ(
      status_of([&] {
        check_host(with_headers({{"Host", "[2001:db8::7]:80"}}), host_names("2001:DB8::7", {}));
      }),
      200);
}

TEST(HttpRequestHead, ChecksTheOrigin) {
  const auto status = [](std::vector<std::pair<std::string, std::string>> headers,
                         const char* method = "POST") {
    headers.emplace_back("Host", "localhost:7860");
    return status_of([&] { check_origin(with_headers(headers, method)); });
  };
  EXPECT_EQ(status({}), 200);
  EXPECT_EQ(status({{"Origin", "http://localhost:7860"}}), 200);
  EXPECT_EQ(status({{"Origin", "https://LOCALHOST:7860"}, {"Sec-Fetch-Site", "same-origin"}}), 200);
  EXPECT_EQ(status({{"Sec-Fetch-Site", "none"}}), 200);
  for (const char* origin :
       {"null", "", "http://localhost", "http://localhost:5173", "http://evil.example",
        "http://localhost:7860.evil.example", "file://localhost:7860"})
    EXPECT_EQ(status({{"Origin", origin}}), 403) << origin;
  EXPECT_EQ(status({{"Origin", "http://evil.example"}}, "GET"), 403);
  EXPECT_EQ(status({{"Sec-Fetch-Site", "cross-site"}}), 403);
  EXPECT_EQ(status({{"Sec-Fetch-Site", "same-site"}}), 403);
  // Another page may link here; it may not submit forms or embed what is here.
  EXPECT_EQ(status({{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "navigate"}}, "GET"), 200);
  EXPECT_EQ(status({{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "navigate"}}), 403);
  EXPECT_EQ(status({{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "no-cors"}}, "GET"), 403);
  // The default port of a scheme is left out of one or the other.
  EXPECT_EQ(
      status_of([] {
        check_origin(with_headers({{"Host", "v.example"}, {"Origin", "https://v.example:443"}}));
      }),
      200);
  EXPECT_EQ(
      status_of([] {
        check_origin(with_headers({{"Host", "v.example:80"}, {"Origin", "http://v.example"}}));
      }),
      200);
  EXPECT_EQ(
      status_of([] {
        check_origin(with_headers({{"Host", "v.example:80"}, {"Origin", "https://v.example"}}));
      }),
      403);
}

TEST(HttpRequestHead, WantsJson) {
  const auto status = [](const char* type) {
    return status_of([&] { check_json(with_headers({{"Content-Type", type}})); });
  };
  EXPECT_EQ(status("application/json"), 200);
  EXPECT_EQ(status("Application/JSON; charset=UTF-8"), 200);
  for (const char* type :
       {"", "text/plain", "application/jsonp", "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x", "application/json, text/plain"})
    EXPECT_EQ(status(type), 415) << type;
}

}  // namespace
}  // namespace shijian::http
