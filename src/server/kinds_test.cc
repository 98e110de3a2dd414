// The library takes every kind of video that is read, and says why it does not take others.
#include <gmock/gmock.h>

#include <cstdlib>

#include "base/file.h"
#include "server/server_fixture.h"

namespace shijian::server {
namespace {

using ::testing::HasSubstr;

class Kinds : public Server {
 protected:
  // The sample's first three seconds through the ffmpeg program.
  http::TestAnswer put(const std::string& name, const std::string& arguments) {
    const auto path = folder_ / name;
    const std::string command =
        fmt::format("ffmpeg -y -nostdin -v error -t 3 -i {} {} {} 2>/dev/null",
                    (source_dir() / "samples" / "shapes.mp4").string(), arguments, path.string());
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    return call("PUT", "/api/v1/videos/" + name, read_file(path, size_t{1} << 26), "");
  }
};

TEST_F(Kinds, AnimationsAndCamcordersAreInTheLibrary) {
  for (const auto& [name, arguments, type] :
       std::vector<std::array<std::string, 3>>{{"a.gif", "-r 5", "image/gif"},
                                               {"a.apng", "-r 5", "image/apng"},
                                               {"a.vob", "-c:v mpeg2video", "video/mpeg"},
                                               {"a.wmv", "-c:v wmv2", "video/x-ms-wmv"}}) {
    const http::TestAnswer answer = put(name, arguments);
    ASSERT_EQ(answer.status, 201) << name << answer.body;
    const Json video = json(answer)["video"];
    EXPECT_NEAR(video["duration"].get<double>(), 3, 0.3) << name;
    EXPECT_EQ(video["streams"].size(), 1u) << name;
    const std::string base = "/api/v1/videos/" + video["id"].get<std::string>();
    EXPECT_EQ(call("GET", base + "/thumbnails?count=3&height=60").status, 200) << name;
    EXPECT_EQ(call("GET", base + "/content").headers.at("content-type"), type) << name;
    EXPECT_EQ(call("GET", base + "/clip?from=0.5&to=1.5").status, 200) << name;
  }
}

TEST_F(Kinds, AStreamIsChosen) {
  const http::TestAnswer answer = put(
      "angles.mkv", "-filter_complex \"[0:v]split[a][b];[b]scale=160:120[c]\" -map [a] -map [c]");
  ASSERT_EQ(answer.status, 201) << answer.body;
  const Json video = json(answer)["video"];
  EXPECT_EQ(video["stream"], 0);
  ASSERT_EQ(video["streams"].size(), 2u);
  EXPECT_EQ(video["streams"][1]["width"], 160);
  const std::string base = "/api/v1/videos/" + video["id"].get<std::string>();
  const auto size = [&](const std::string& query) {
    return call("GET", base + "/thumbnails?count=2&height=360" + query).headers.at("x-frame-size");
  };
  EXPECT_EQ(size("&stream=1"), "160x120");
  EXPECT_NE(size(""), "160x120");
  EXPECT_EQ(call("GET", base + "/thumbnails?stream=7").status, 422);
  EXPECT_EQ(call("GET", base + "/clip?from=0&to=1&stream=1").status, 200);
  const http::TestAnswer made = call(
      "POST", "/api/v1/inference",
      R"({"video_path": "angles.mkv", "query": "When is the cyan word MENU on screen?", "options": {"stream": 1}})");
  ASSERT_EQ(made.status, 200) << made.body;
  EXPECT_THAT(made.body, HasSubstr("other_streams"));
  EXPECT_THAT(made.body, HasSubstr("number 1 was looked at"));
}

TEST_F(Kinds, EncryptedAndOtherFilesAreRefusedWithTheReason) {
  const http::TestAnswer locked =
      put("locked.mp4",
          "-c copy -encryption_scheme cenc-aes-ctr -encryption_key "
          "76a6c65c5ea762046bd749a2e632ccbb -encryption_kid a7e61c373e219033c21091fa607bf3b8");
  EXPECT_EQ(locked.status, 422);
  EXPECT_THAT(locked.body, HasSubstr("encrypted"));
  EXPECT_THAT(locked.body, HasSubstr("locked.mp4"));
  EXPECT_EQ(locked.body.find(folder_.string()), std::string::npos) << locked.body;
  const http::TestAnswer still = put("still.png", "-frames:v 1");
  EXPECT_EQ(still.status, 415);
  EXPECT_THAT(still.body, HasSubstr("png"));
}

}  // namespace
}  // namespace shijian::server
