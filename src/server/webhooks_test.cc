#include "server/webhooks.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <mutex>

#include "server/server_fixture.h"

namespace shijian::server {
namespace {

TEST_F(Server, PostsEndedJobsSigned) {
  http::HttpOptions options;
  options.port = 0;
  http::HttpServer owner(options);
  std::mutex mutex;
  std::vector<http::HttpRequest> posts;
  owner.route("POST", "/hook", [&](const http::HttpRequest& request, auto reply) {
    const std::lock_guard lock(mutex);
    posts.push_back(request);
    http::HttpResponse response;
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
  context_->webhook_hosts = http::AllowedHosts({"127.0.0.1"});
  EXPECT_EQ(submit(fmt::format(R"({{"url": "{}"}})", url)).status, 422);
  const Webhooks webhooks(*store_, context_->webhook_hosts);
  const http::TestAnswer answer = submit(fmt::format(R"({{"url": "{}", "secret": "s"}})", url));
  ASSERT_EQ(answer.status, 202) << answer.body;
  for (;;) {
    usleep(20000);
    const std::lock_guard lock(mutex);
    if (posts.size() == 2) break;
  }
  EXPECT_TRUE(http::becomes_true([&] { return !store_->next_webhook().has_value(); }));
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
}  // namespace shijian::server
