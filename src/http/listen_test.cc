// Where a server listens, and TLS.
#include "http/listen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "http/test_client.h"

namespace shijian::http {
namespace {

using testing::HasSubstr;

template <typename Act>
std::string usage_error(const Act& act) {
  try {
    act();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    return error.message();
  }
  return "no error";
}

// What a program prints, and "?" when it fails.
std::string output_of(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  std::string text;
  char bytes[4096];
  for (size_t count; (count = fread(bytes, 1, sizeof bytes, pipe)) > 0;) text.append(bytes, count);
  return pclose(pipe) == 0 ? text : "?";
}

TEST(HttpListen, RefusesTakenAndForeignAddresses) {
  HttpServer first(test_options());
  first.start();
  HttpOptions options = test_options();
  options.port = first.port();
  EXPECT_THAT(usage_error([&] { HttpServer(options).start(); }),
              HasSubstr("Address already in use"));
  options.host = "192.0.2.1";
  EXPECT_THAT(usage_error([&] { HttpServer(options).start(); }), HasSubstr("192.0.2.1"));
  options.host = "no such host";
  EXPECT_THAT(usage_error([&] { HttpServer(options).start(); }), HasSubstr("no such host"));
  options.port = 70000;
  EXPECT_THAT(usage_error([&] { HttpServer(options).start(); }), HasSubstr("70000"));
}

TEST(HttpListen, RefusesOptionsWithoutSense) {
  const auto error = [](auto change) {
    HttpOptions options = test_options();
    change(options);
    return usage_error([&] { HttpServer server(options); });
  };
  EXPECT_THAT(error([](HttpOptions& o) { o.keys = {"key", ""}; }), HasSubstr("key is empty"));
  EXPECT_THAT(error([](HttpOptions& o) { o.idle_seconds = 0; }), HasSubstr("idle time"));
  EXPECT_THAT(error([](HttpOptions& o) { o.max_connections = 1; }), HasSubstr("two connections"));
  EXPECT_THAT(error([](HttpOptions& o) { o.max_connections_per_client = 0; }),
              HasSubstr("a client"));
  EXPECT_THAT(error([](HttpOptions& o) { o.tls_key = "key.pem"; }),
              HasSubstr("a certificate and a key"));
}

TEST(HttpListen, MayBeTakenAgainAtOnce) {
  HttpOptions options = test_options();
  for (int i = 0; i < 3; ++i) {
    HttpServer server(options);
    server.start();
    options.port = server.port();
    TestClient client(server.port());
    EXPECT_EQ(client.ask("GET", "/").status, 404);
  }
}

TEST(HttpListen, ServesIpv6) {
  HttpOptions options = test_options();
  options.host = "::";
  HttpServer server(options);
  server.route("GET", "/who", [](const HttpRequest& request, std::shared_ptr<HttpReply> reply) {
    reply->send(text_response(request.client));
  });
  server.start();
  EXPECT_EQ(TestClient(server.port()).ask("GET", "/who").body, "127.0.0.1");  // mapped
}

// Who calls it by an address needs no name: no page elsewhere can have that address for its own.
TEST(HttpListen, AnswersToTheAddressThatWasCalled) {
  for (const char* host : {"0.0.0.0", "::"}) {
    HttpOptions options = test_options();
    options.host = host;
    HttpServer server(options);
    server.start();
    const auto status = [&](const std::string& name) {
      TestClient client(server.port(), "127.0.0.5");
      client.send(fmt::format("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", name));
      return client.read_answer().status;
    };
    EXPECT_EQ(status("127.0.0.5"), 404) << host;
    EXPECT_EQ(status(fmt::format("127.0.0.5:{}", server.port())), 404) << host;
    EXPECT_EQ(status("localhost"), 404) << host;
    // As through a forwarded port.
    for (const char* other : {"192.0.2.7:80", "[2001:db8::7]"}) EXPECT_EQ(status(other), 404);
    for (const char* other :
         {"127.0.0.5.", "127.0.0.5.example", "2001:db8::7", "[::1", "127.1", "evil.example"}) {
      EXPECT_EQ(status(other), 403) << host << ' ' << other;
    }
  }
}

class HttpTlsTest : public testing::Test {
 protected:
  HttpTlsTest() {
    std::string pattern = testing::TempDir() + "http_tls_XXXXXX";
    folder_ = mkdtemp(pattern.data());
    output_of(fmt::format(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "
        "{0}/key.pem "
        "-out {0}/certificate.pem -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost "
        "2>/dev/null",
        folder_.string()));
    options_.tls_certificate = folder_ / "certificate.pem";
    options_.tls_key = folder_ / "key.pem";
  }
  ~HttpTlsTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
  HttpOptions options_ = test_options();
};

TEST_F(HttpTlsTest, Serves) {
  HttpServer server(options_);
  server.route("GET", "/stream", [](const HttpRequest&, std::shared_ptr<HttpReply> reply) {
    std::thread([reply] {
      HttpResponse response;
      response.stream = true;
      const auto stream = reply->send(response);
      for (int i = 0; i < 1000; ++i) stream->write(std::string(100, 'x') + "\n");
    }).detach();
  });
  server.route("POST", "/echo", [](const HttpRequest& request, std::shared_ptr<HttpReply> reply) {
    reply->send(text_response(request.body));
  });
  server.start();
  const std::string curl =
      fmt::format("curl -s -S --max-time 20 --cacert {}/certificate.pem ", folder_.string());
  const std::string url = fmt::format("https://localhost:{}", server.port());
  EXPECT_EQ(output_of(curl + "--json '[1]' " + url + "/echo"), "[1]");
  EXPECT_EQ(output_of(curl + url + "/stream").size(), 101000u);
  // What is no TLS hears nothing of the server.
  TestClient plain(server.port());
  EXPECT_EQ(plain.ask("GET", "/").status, 0);
}

TEST_F(HttpTlsTest, RefusesBadFiles) {
  const auto error = [&] { return usage_error([&] { HttpServer(options_).start(); }); };
  std::ofstream(folder_ / "text.pem") << "no certificate";
  options_.tls_certificate = folder_ / "text.pem";
  EXPECT_THAT(error(), HasSubstr("no certificate and its key"));
  options_.tls_certificate = folder_ / "missing.pem";
  EXPECT_THAT(error(), HasSubstr("missing.pem"));
}

}  // namespace
}  // namespace shijian::http
