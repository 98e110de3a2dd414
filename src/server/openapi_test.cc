// server/openapi.json against the router, the options of jobs and real answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/file.h"
#include "server/job_options.h"
#include "server/page.h"
#include "server/server_fixture.h"

namespace shijian::server {
namespace {

class Description : public Server {
 protected:
  const Json file_ = json(call("GET", "/api/v1/openapi.json"));

  // "/api/v1/jobs/{id}" as the router has it.
  static std::string pattern(std::string path) {
    for (size_t at = 0; (at = path.find('{', at)) != path.npos; ++at) {
      path.erase(at + 1, path.find('}', at) - at - 1);
    }
    return path;
  }
  static std::set<std::string> keys(const Json& object) {
    std::set<std::string> names;
    for (const auto& item : object.items()) names.insert(item.key());
    return names;
  }
  // Everything that must be there is, and nothing is there that the schema does not know.
  void expect_fits(const std::string& schema, const Json& value) {
    const Json& known = file_["components"]["schemas"][schema];
    for (const Json& name : known.value("required", Json::array())) {
      EXPECT_TRUE(value.contains(name.get<std::string>())) << schema << ' ' << name;
    }
    for (const std::string& name : keys(value)) {
      EXPECT_TRUE(known["properties"].contains(name)) << schema << ' ' << name;
    }
  }
};

TEST_F(Description, NamesEveryRoute) {
  std::set<std::string> page = {"/"};
  for (const PageFile& file : page_files()) page.insert(std::string(file.path));
  std::set<std::string> registered, described;
  for (const auto& [method, path] : http_->routes()) {
    if (!page.contains(path)) registered.insert(method + " " + path);
  }
  for (const auto& [path, item] : file_["paths"].items()) {
    for (std::string method : keys(item)) {
      if (method == "parameters") continue;
      std::transform(method.begin(), method.end(), method.begin(), ::toupper);
      described.insert(method + " " + pattern(path));
    }
  }
  EXPECT_EQ(described, registered);
}

TEST_F(Description, NamesEveryOption) {
  std::string known;
  try {
    read_job_options({{"none", 1}});
  } catch (const Error& error) {
    known = error.hint();
  }
  const Json& schema = file_["components"]["schemas"]["Options"]["properties"];
  std::string described = "there are ";
  for (const std::string& name : keys(schema)) described += name + ", ";
  EXPECT_EQ(described.substr(0, described.size() - 2), known);
}

TEST_F(Description, NamesEveryError) {
  const std::string described = file_["components"]["responses"]["Error"]["description"];
  const Json& codes =
      file_["components"]["schemas"]["Error"]["properties"]["error"]["properties"]["code"]["enum"];
  const std::string manual = read_file(source_dir() / "docs" / "api.md", size_t{1} << 20);
  for (const int status : {400, 401, 403, 404, 405, 409, 413, 415, 416, 422, 429, 431, 500, 503}) {
    const Json body = Json::parse(http::error_json(
        *http::error_response(http::HttpError(status, {}), "id").error, Language::kEnglish));
    const std::string code = body["error"]["code"];
    EXPECT_NE(described.find(fmt::format("{} {}", status, code)), std::string::npos) << status;
    EXPECT_NE(std::find(codes.begin(), codes.end(), code), codes.end()) << code;
    const size_t row = manual.find(fmt::format("{}", status), manual.find("| status | `code` |"));
    EXPECT_NE(manual.substr(row, manual.find('\n', row) - row).find("`" + code + "`"),
              std::string::npos)
        << status;
  }
}

TEST_F(Description, FitsWhatIsAnswered) {
  const http::TestAnswer answer =
      call("POST", "/api/v1/inference",
           R"({"video_path": "shapes.mp4", "query": "When is MENU on screen?",
               "options": {"logprobs": 1}})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const Json body = json(answer);
  expect_fits("Answer", body);
  for (const Json& event : body["events"]) expect_fits("Event", event);
  const Json job = json(call("GET", "/api/v1/jobs/" + body["job_id"].get<std::string>()));
  expect_fits("Job", job);
  expect_fits("Options", job["options"]);
  expect_fits("Video", json(call("GET", "/api/v1/videos/" + video_id())));
  expect_fits("Error", json(call("GET", "/api/v1/videos/none")));
  const http::TestAnswer chat =
      call("POST", "/v1/chat/completions",
           R"({"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 2})");
  ASSERT_EQ(chat.status, 200) << chat.body;
  expect_fits("ChatAnswer", json(chat));
}

}  // namespace
}  // namespace shijian::server
