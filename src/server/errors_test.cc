// What clients are told when a request or a job is wrong, and in which language.
#include <gtest/gtest.h>

#include "server/server_fixture.h"

namespace shijian::server {
namespace {

TEST_F(Server, SaysWhatIsWrongWithARequest) {
  const auto status = [&](const char* body) {
    return call("POST", "/api/v1/inference", body).status;
  };
  EXPECT_EQ(status("{"), 400);
  EXPECT_EQ(status("[]"), 400);
  const std::string longer = R"({"video_path": "shapes.mp4", "query": "x"})" + std::string(1, '\0');
  EXPECT_EQ(call("POST", "/api/v1/inference", longer + " rubbish").status, 400);
  EXPECT_EQ(status(R"({"video_path": 3, "query": "x"})"), 400);
  EXPECT_EQ(status(R"({"video_path": "none.mp4", "query": "x"})"), 404);
  EXPECT_EQ(status(R"({"video_path": "shapes.mp4"})"), 422);
  EXPECT_EQ(status(R"({"video_path": "shapes.mp4", "query": " "})"), 422);
  EXPECT_EQ(status(R"({"video_path": "shapes.mp4", "query": "x", "optoins": {}})"), 422);
  for (const char* option :
       {R"("frame_sampling_rate": "adaptively")", R"("frame_sampling_rate": 0)", R"("fps": 1)",
        R"("max_context_length": "lots")", R"("output_format": "hours")", R"("top_p": 2)",
        R"("max_frames": 65537)"}) {
    EXPECT_EQ(
        status(fmt::format(R"({{"video_path": "shapes.mp4", "query": "x", "options": {{{}}}}})",
                           option)
                   .c_str()),
        422)
        << option;
  }
  for (const char* option : {R"("frame_sampling_rate": true)", R"("max_context_length": [])"}) {
    EXPECT_EQ(
        status(fmt::format(R"({{"video_path": "shapes.mp4", "query": "x", "options": {{{}}}}})",
                           option)
                   .c_str()),
        400)
        << option;
  }
  const http::TestAnswer small =
      call("POST", "/api/v1/inference",
           R"({"video_path": "shapes.mp4", "query": "x", "options": {"max_context_length": 600}})");
  EXPECT_EQ(small.status, 422);
  EXPECT_NE(small.body.find("over the context of 600"), std::string::npos) << small.body;
  // More than the model has is refused before it waits.
  for (const char* path : {"/api/v1/inference", "/api/v1/jobs"}) {
    const http::TestAnswer large = call(
        "POST", path,
        R"({"video_path": "shapes.mp4", "query": "x", "options": {"max_context_length": "256K"}})");
    EXPECT_EQ(large.status, 422);
    EXPECT_NE(large.body.find("262144 tokens is asked for, the model has"), std::string::npos)
        << large.body;
  }
  const http::TestAnswer text =
      call("POST", "/api/v1/inference", "{}", "Content-Type: text/plain\r\n");
  EXPECT_EQ(text.status, 415);
  // What the engine refuses is a job that failed, with the engine's words and no local path.
  const http::TestAnswer late =
      call("POST", "/api/v1/inference",
           R"({"video_path": "shapes.mp4", "query": "x", "options": {"from": 900, "to": 901}})");
  EXPECT_EQ(late.status, 422) << late.body;
  EXPECT_EQ(late.body.find(folder_.string()), std::string::npos) << late.body;
}

TEST_F(Server, ErrorsAreInTheLanguageOfTheClient) {
  const std::string chinese = "Accept-Language: zh-CN,zh;q=0.9,en;q=0.8\r\n";
  const std::string headers = "Content-Type: application/json\r\n" + chinese;
  const http::TestAnswer none = call("GET", "/api/v1/videos/none", "", chinese);
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(json(none)["error"]["message"], "视频：视频库里没有“none”");
  EXPECT_EQ(json(none)["error"]["code"], "not_found");
  EXPECT_EQ(json(call("GET", "/nothing", "", chinese))["error"]["message"], "这个路径下没有内容");
  const Json empty = json(call("POST", "/api/v1/jobs",
                               R"({"video_path": "shapes.mp4", "query": ""})", headers))["error"];
  EXPECT_EQ(empty["message"], "问题：是空的");
  EXPECT_EQ(empty["hint"], "用几个字说明要找什么，例如“狗什么时候跳起来？”");

  // A job keeps its error as a text; each client reads it in its own language.
  const std::string late =
      R"({"video_path": "shapes.mp4", "query": "x", "options": {"from": 900, "to": 901}})";
  EXPECT_NE(call("POST", "/api/v1/inference", late, headers).body.find("规划取帧：从 900.000 到"),
            std::string::npos);
  const auto message = [&](const std::string& language) {
    return json(call("GET", "/api/v1/jobs?state=failed", "",
                     language))["jobs"][0]["error"]["message"]
        .get<std::string>();
  };
  EXPECT_TRUE(message(chinese).starts_with("规划取帧：")) << message(chinese);
  EXPECT_TRUE(message("").starts_with("plan frames: ")) << message("");
  const Json listed = json(call("GET", "/api/v1/jobs?state=failed", "", chinese))["jobs"][0];
  const std::string path = "/api/v1/jobs/" + listed["id"].get<std::string>();
  EXPECT_EQ(json(call("GET", path, "", chinese))["error"], listed["error"]);
  EXPECT_EQ(json(call("GET", path, "", ""))["error"]["message"], message(""));
  // What it is kept as is the server's own affair.
  std::vector<std::string> keys;
  for (const auto& item : listed["error"].items()) keys.push_back(item.key());
  EXPECT_EQ(keys, (std::vector<std::string>{"code", "hint", "message"}));
}

}  // namespace
}  // namespace shijian::server
