// Chats as clients of the OpenAI API have them, over the real server.
#include <atomic>
#include <sstream>

#include "base/file.h"
#include "server/base64_of.h"
#include "server/chat_answer.h"
#include "server/server_fixture.h"
#include "source_dir.h"

namespace shijian::server {
namespace {

namespace fs = std::filesystem;

// The content and the last finish reason of a stream of chat chunks, which must end in [DONE].
std::pair<std::string, std::string> read_chunks(const std::string& body, Json* usage = nullptr) {
  std::string content, reason;
  bool done = false;
  std::istringstream lines(body);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    EXPECT_TRUE(line.starts_with("data: ")) << line;
    EXPECT_FALSE(done) << line;
    if ((done = line == "data: [DONE]")) continue;
    const Json chunk = Json::parse(line.substr(6));
    EXPECT_EQ(chunk["object"], "chat.completion.chunk");
    if (chunk["choices"].empty()) {
      if (usage != nullptr) *usage = chunk["usage"];
      continue;
    }
    const Json& choice = chunk["choices"][0];
    content += choice["delta"].value("content", "");
    if (!choice["finish_reason"].is_null()) reason = choice["finish_reason"];
  }
  EXPECT_TRUE(done) << body;
  return {content, reason};
}

TEST_F(Server, ChatsAsTheOpenAiApiDoes) {
  const Json models = json(call("GET", "/v1/models"));
  EXPECT_EQ(models["data"][0]["id"], "nano");
  EXPECT_EQ(json(call("GET", "/v1/models/nano"))["object"], "model");
  EXPECT_EQ(call("GET", "/v1/models/gpt").status, 404);

  const std::string rest = R"("model": "nano", "max_tokens": 12, "temperature": 0,
      "messages": [{"role": "system", "content": "Be brief."},
                   {"role": "user", "content": [{"type": "text", "text": "When is the cut in "},
                    {"type": "video_url", "video_url": {"url": "shapes.mp4"}},
                    {"type": "text", "text": "?"}]},
                   {"role": "assistant", "content": "Which one?"},
                   {"role": "user", "content": "When is the cyan word MENU on screen?"}])";
  const http::TestAnswer whole = call("POST", "/v1/chat/completions",
                                      "{" + rest + R"(, "logprobs": true, "top_logprobs": 2})");
  ASSERT_EQ(whole.status, 200) << whole.body;
  const Json body = json(whole);
  EXPECT_EQ(body["object"], "chat.completion");
  const Json& choice = body["choices"][0];
  EXPECT_EQ(choice["message"]["role"], "assistant");
  const Json& tokens = choice["logprobs"]["content"];
  ASSERT_EQ(tokens.size(), body["usage"]["completion_tokens"]);
  std::string spoken;
  for (const Json& token : tokens) {
    spoken += token["token"].get<std::string>();
    EXPECT_EQ(token["top_logprobs"].size(), 2u);
    EXPECT_EQ(token["top_logprobs"][0]["logprob"], token["logprob"]);  // greedy
  }
  const std::string content = choice["message"]["content"];
  ASSERT_GT(content.size(), 4u) << content;
  EXPECT_NE(spoken.find(content), std::string::npos);
  EXPECT_GT(body["usage"]["prompt_tokens"], 300);  // the video is in it

  const http::TestAnswer streamed =
      call("POST", "/v1/chat/completions",
           "{" + rest + R"(, "stream": true, "stream_options": {"include_usage": true}})");
  ASSERT_EQ(streamed.status, 200) << streamed.body;
  EXPECT_EQ(streamed.headers.at("content-type"), "text/event-stream");
  Json usage;
  const auto [text, reason] = read_chunks(streamed.body, &usage);
  EXPECT_EQ(text, content);
  EXPECT_EQ(reason, choice["finish_reason"]);
  EXPECT_EQ(usage["completion_tokens"], body["usage"]["completion_tokens"]);
  EXPECT_GT(usage["prompt_tokens_details"]["cached_tokens"], 300);

  // A stop sequence ends the words before it.
  const auto next_character = [&](size_t at) {
    do ++at;
    while (at < content.size() && (content[at] & 0xc0) == 0x80);
    return at;
  };
  const size_t begin = next_character(content.size() / 2);
  const std::string stop = content.substr(begin, next_character(begin) - begin);
  const http::TestAnswer short_answer =
      call("POST", "/v1/chat/completions", "{" + rest + R"(, "stop": )" + Json(stop).dump() + "}");
  ASSERT_EQ(short_answer.status, 200) << short_answer.body;
  const Json stopped = json(short_answer);
  EXPECT_EQ(stopped["choices"][0]["finish_reason"], "stop");
  const std::string before = content.substr(0, content.find(stop));
  EXPECT_EQ(stopped["choices"][0]["message"]["content"],
            before.substr(0, before.find_last_not_of(' ') + 1));
}

// A PNG of 2x2 pixels.
constexpr const char* kPixels =
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEUlEQVR4nGP4z8DA8B+"
    "MgBgAHfAD/dPQfSYAAAAASUVORK5CYII=";

TEST_F(Server, ChatsAboutWhatTheRequestHolds) {
  const auto prompt_tokens = [&](const std::string& part) -> int64_t {
    const http::TestAnswer answer =
        call("POST", "/v1/chat/completions",
             fmt::format(R"({{"max_tokens": 1, "messages": [{{"role": "user", "content": [{}
                     {{"type": "text", "text": "What?"}}]}}]}})",
                         part));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return json(answer)["usage"]["prompt_tokens"];
  };
  const int64_t words = prompt_tokens("");
  const std::string image = fmt::format(
      R"({{"type": "image_url", "image_url": {{"url": "{}", "detail": "low"}}}},)", kPixels);
  const int64_t one = prompt_tokens(image) - words;
  EXPECT_GT(one, 2);
  EXPECT_EQ(prompt_tokens(image + image) - words, 2 * one);
  const std::string frames = fmt::format(
      R"({{"type": "video_frames", "video_frames": {{"frames": ["{0}", "{0}", "{0}"],
          "times": [0, 0.5, 7]}}}},)",
      kPixels);
  EXPECT_GT(prompt_tokens(frames), words + 4);
  // A video in the request is the one in the library.
  const std::string bytes = read_file(source_dir() / "samples" / "shapes.mp4", size_t{1} << 24);
  const std::string base64 = base64_of(bytes);
  const auto with_video = [&](const char* type, const std::string& url) {
    return prompt_tokens(fmt::format(R"({{"type": "{0}", "{0}": {{"url": "{1}"}}}},)", type, url));
  };
  const int64_t named = with_video("video_url", "/app/videos/shapes.mp4");
  EXPECT_EQ(with_video("input_video", "data:video/mp4;base64," + base64), named);
  // As is one that another server has.
  context_->fetch.hosts = http::AllowedHosts({"127.0.0.1"});
  EXPECT_EQ(with_video("video_url", fmt::format("http://127.0.0.1:{}/api/v1/videos/{}/content",
                                                http_->port(), video_id())),
            named);
}

TEST_F(Server, ChatAnswersAreJsonWhenAsked) {
  const http::TestAnswer answer = call("POST", "/v1/chat/completions", R"({"max_tokens": 200,
      "messages": [{"role": "user", "content": "When?"}], "seed": 5, "temperature": 1,
      "response_format": {"type": "json_schema", "json_schema": {"name": "span", "strict": true,
        "schema": {"type": "object", "additionalProperties": false, "required": ["start", "end"],
                   "properties": {"start": {"type": "integer"}, "end": {"enum": [1, 2]}}}}}})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const Json choice = json(answer)["choices"][0];
  EXPECT_EQ(choice["finish_reason"], "stop");
  const Json span = Json::parse(choice["message"]["content"].get<std::string>());
  EXPECT_TRUE(span["start"].is_number_integer());
  EXPECT_TRUE(span["end"] == 1 || span["end"] == 2);
}

TEST_F(Server, ChatsCallToolsWhenTheyMust) {
  const std::string rest = R"("max_tokens": 300, "temperature": 1, "seed": 3,
      "messages": [{"role": "user", "content": "When is the cut?"}], "tools": [
        {"type": "function", "function": {"name": "search", "parameters": {
          "type": "object", "required": ["from", "kind"], "properties": {
            "from": {"type": "integer"}, "kind": {"$ref": "#/$defs/kind"}},
          "$defs": {"kind": {"anyOf": [{"enum": ["cut", "fade"]}, {"type": "null"}]}}}}},
        {"type": "function", "function": {"name": "stop", "parameters": {
          "type": "object", "properties": {"now": {"type": "boolean"}}, "required": ["now"]}}}])";
  const auto check = [](const Json& call) {
    const Json arguments = Json::parse(call["function"]["arguments"].get<std::string>());
    if (call["function"]["name"] == "stop") {
      EXPECT_TRUE(arguments.at("now").is_boolean());
      EXPECT_EQ(arguments.size(), 1u);
    } else {
      EXPECT_EQ(call["function"]["name"], "search");
      EXPECT_TRUE(arguments.at("from").is_number_integer());
      const Json& kind = arguments.at("kind");
      EXPECT_TRUE(kind == "cut" || kind == "fade" || kind.is_null());
    }
  };
  const auto chat = [&](const std::string& more) {
    const http::TestAnswer answer = call("POST", "/v1/chat/completions", "{" + rest + more + "}");
    EXPECT_EQ(answer.status, 200) << answer.body;
    return json(answer)["choices"][0];
  };
  const Json any = chat(R"(, "tool_choice": "required", "parallel_tool_calls": false)");
  EXPECT_EQ(any["finish_reason"], "tool_calls");
  EXPECT_TRUE(any["message"]["content"].is_null());
  ASSERT_EQ(any["message"]["tool_calls"].size(), 1u) << any;
  check(any["message"]["tool_calls"][0]);
  for (const char* name : {"search", "stop"}) {
    const Json named = chat(fmt::format(
        R"(, "tool_choice": {{"type": "function", "function": {{"name": "{}"}}}})", name));
    ASSERT_EQ(named["message"]["tool_calls"].size(), 1u) << named;
    EXPECT_EQ(named["message"]["tool_calls"][0]["function"]["name"], name);
    check(named["message"]["tool_calls"][0]);
  }
  const http::TestAnswer streamed =
      call("POST", "/v1/chat/completions",
           "{" + rest + R"(, "tool_choice": "required", "stream": true, "stop": ["}"],
                           "parallel_tool_calls": false})");
  ASSERT_EQ(streamed.status, 200) << streamed.body;
  EXPECT_EQ(read_chunks(streamed.body),
            (std::pair<std::string, std::string>("", "tool_calls")));  // no words, so no stop
}

TEST_F(Server, SaysWhatIsWrongWithAChat) {
  const auto refusal = [&](const std::string& fields) {
    const http::TestAnswer answer = call(
        "POST", "/v1/chat/completions",
        R"({"messages": [{"role": "user", "content": "x"}], "max_tokens": 1, )" + fields + "}");
    const Json error = json(answer)["error"];
    EXPECT_TRUE(error["message"].is_string() && error["request_id"].is_string()) << answer.body;
    EXPECT_EQ(error["type"], "invalid_request_error");
    EXPECT_EQ(answer.body.find(folder_.string()), std::string::npos) << answer.body;
    return fmt::format("{} {}", answer.status,
                       error["param"].is_string() ? error["param"].get<std::string>() : "");
  };
  EXPECT_EQ(refusal(R"("model": "gpt-5")"), "404 model");
  EXPECT_EQ(refusal(R"("n": 2)"), "422 n");
  EXPECT_EQ(refusal(R"("temperature": "hot")"), "400 temperature");
  EXPECT_EQ(refusal(R"("frequency_penalty": 1)"), "422 frequency_penalty");
  EXPECT_EQ(refusal(R"("logit_bias": {"1": 2})"), "422 logit_bias");
  EXPECT_EQ(refusal(R"("tool_choice": "required")"), "422 tool_choice");
  EXPECT_EQ(refusal(R"("tool_choice": "always")"), "422 tool_choice");
  const std::string tool = R"("tools": [{"type": "function", "function": {"name": "f",
      "parameters": {"properties": {"a": {"type": "string", "pattern": "x"}}}}}], )";
  EXPECT_EQ(refusal(tool + R"("tool_choice": "required")"), "422 tools");
  EXPECT_EQ(refusal(tool + R"("tool_choice": {"type": "function", "function": {"name": "g"}})"),
            "422 tool_choice");
  EXPECT_EQ(refusal(R"("top_logprobs": 2)"), "422 top_logprobs");
  EXPECT_EQ(refusal(R"("stop": [""])"), "422 stop");
  EXPECT_EQ(refusal(R"("response_format": {"type": "xml"})"), "422 response_format");
  EXPECT_EQ(refusal(R"("response_format": {"type": "json_schema", "json_schema": {"name": "x",
                    "schema": {"type": "string", "pattern": "a"}}})"),
            "422 response_format");
  EXPECT_EQ(refusal(R"("temprature": 1)"), "422 ");
  const auto part = [&](const std::string& json_part) {
    const http::TestAnswer answer =
        call("POST", "/v1/chat/completions",
             R"({"messages": [{"role": "user", "content": [)" + json_part + "]}]}");
    const Json error = json(answer)["error"];
    EXPECT_EQ(answer.body.find("/tmp"), std::string::npos) << answer.body;
    return fmt::format("{} {}", answer.status,
                       error["param"].is_string() ? error["param"].get<std::string>() : "");
  };
  const auto url = [](const char* type, const std::string& text) {
    return fmt::format(R"({{"type": "{0}", "{0}": {{"url": "{1}"}}}})", type, text);
  };
  EXPECT_EQ(part(R"({"type": "audio"})"), "422 messages[0].content[0]");
  EXPECT_EQ(part(url("video_url", "../jobs.db")), "403 messages[0].content[0]");
  EXPECT_EQ(part(url("video_url", "none.mp4")), "404 messages[0].content[0]");
  EXPECT_EQ(part(url("image_url", "https://example.org/a.png")), "403 messages[0].content[0]");
  EXPECT_EQ(part(url("image_url", "data:image/png;base64,????")), "422 messages[0].content[0]");
  // Found out by the engine.
  std::string words;
  for (int i = 0; i < 17000; ++i) words += " a";
  const http::TestAnswer longer =
      call("POST", "/v1/chat/completions",
           R"({"messages": [{"role": "user", "content": ")" + words + R"("}], "stream": true})");
  EXPECT_EQ(longer.status, 422);
  const std::string message = json(longer)["error"]["message"];
  EXPECT_NE(message.find("prompt has 17"), std::string::npos) << message;
  EXPECT_NE(message.find("context of 16384"), std::string::npos) << message;
  EXPECT_EQ(part(url("image_url", "data:image/png;base64,aGVsbG8=")), "422 ");
  EXPECT_EQ(part(url("video_url", "data:video/mp4;base64,aGVsbG8=")), "422 ");
  EXPECT_EQ(part(R"({"type": "video_frames", "video_frames": {"frames": [], "times": [1]}})"),
            "422 messages[0].content[0]");
}

TEST_F(Server, AChatEndsWhenItsClientLeaves) {
  {
    http::TestClient client(http_->port());
    // Would go on for a hundred thousand numbers.
    const std::string body = R"({"messages": [{"role": "user", "content": "Count."}],
        "max_tokens": 15000, "stream": true, "response_format": {"type": "json_schema",
        "json_schema": {"name": "n", "schema": {"items": {"type": "integer"}, "minItems": 100000}}}})";
    client.send(
        fmt::format("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                    "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                    body.size(), body));
    EXPECT_EQ(client.read_head(60).status, 200);
    EXPECT_NE(client.read_to("\"content\":\"[", 60), "");
  }
  const http::TestAnswer next =
      call("POST", "/v1/chat/completions",
           R"({"messages": [{"role": "user", "content": "x"}], "max_tokens": 1})");
  EXPECT_EQ(next.status, 200);
}

TEST_F(Server, CallsAndJobsTakeTurns) {
  std::atomic<bool> go{false};
  std::vector<int64_t> done_before;
  std::atomic<int> ran{0};
  const auto add = [&] {
    calls_->add({"c", {}, [&] {
                   done_before.push_back(queue_->statistics().done);
                   ++ran;
                 }});
  };
  calls_->add({"c", {}, [&] {
                 while (!go) usleep(1000);
               }});
  for (int i = 0; i < 3; ++i) add();
  const http::TestAnswer jobs = call("POST", "/api/v1/jobs", R"({"video_path": "shapes.mp4",
      "queries": ["a", "b"], "options": {"max_new_tokens": 1, "max_frames": 2}})");
  ASSERT_EQ(jobs.status, 202) << jobs.body;
  go = true;
  EXPECT_TRUE(http::becomes_true([&] { return ran == 3; }, 60));
  EXPECT_EQ(done_before, (std::vector<int64_t>{0, 1, 2}));
}

TEST(EngineCalls, ClientsTakeTurnsAndNotTooManyWait) {
  int arrived = 0;
  std::string order;
  EngineCalls calls(4, [&] { ++arrived; });
  EXPECT_FALSE(calls.waiting());
  const auto add = [&](const char* client, const char* name) {
    std::stop_source cancel;
    calls.add({client, cancel, [&order, name] { order += name; }});
    return cancel;
  };
  add("a", "1");
  add("a", "2");
  std::stop_source third = add("a", "3");
  add("b", "4");
  EXPECT_THROW(add("c", "5"), http::HttpError);
  third.request_stop();  // makes room
  add("c", "6");
  EXPECT_EQ(arrived, 5);
  while (calls.waiting()) calls.run_next();
  EXPECT_EQ(order, "1462");
  add("a", "7");
  calls.stop();
  calls.run_next();
  EXPECT_EQ(order, "1462");
}

// Keeps the answer.
class Kept : public http::HttpReply {
 public:
  std::shared_ptr<http::HttpStream> send(http::HttpResponse response) override {
    body = response.body;
    return response.stream ? std::make_shared<Stream>(*this) : nullptr;
  }
  std::stop_token disconnected() const override { return {}; }
  void on_disconnect(std::function<void()>) override {}

  std::string body;
  int room = 1000;  // pieces of a stream until its reader is too slow
  bool closed = false;

 private:
  struct Stream : http::HttpStream {
    explicit Stream(Kept& to) : kept(to) {}
    bool write(std::string piece) override {
      if (kept.room-- <= 0) return false;
      kept.body += piece;
      return true;
    }
    void close() override { kept.closed = true; }
    Kept& kept;
  };
};

// The default model calls no tools, so here is what a larger one says.
constexpr const char* kSaid[] = {"I am ", "looking.\n<tool", "_call>\n{\"name\": \"find\", \"argu",
                                 "ments\": {\"n\": 1}}\n</tool_call>"};

TEST(ChatAnswer, CallsOfToolsGoToTheClient) {
  for (const bool stream : {false, true}) {
    ChatRequest request;
    request.stream = stream;
    request.reading.tools = true;
    const auto reply = std::make_shared<Kept>();
    ChatAnswer answer(request, {"m", "1", true}, reply, "r7", Language::kEnglish);
    EXPECT_TRUE(answer.token({}, "Hm.</think>"));
    for (const char* piece : kSaid) EXPECT_TRUE(answer.token({}, piece));
    engine::Description description;
    description.finish_reason = "stop";
    answer.finish(description);
    Json message, call;
    if (stream) {
      EXPECT_EQ(read_chunks(reply->body),
                (std::pair<std::string, std::string>("I am looking.", "tool_calls")));
      const size_t at = reply->body.find("{\"tool_calls\":");
      ASSERT_NE(at, std::string::npos) << reply->body;
      const size_t end = reply->body.find("]}", at) + 2;
      call = Json::parse(reply->body.substr(at, end - at))["tool_calls"][0];
      EXPECT_EQ(call["index"], 0);
      EXPECT_NE(reply->body.find("\"reasoning_content\":\"Hm.\""), std::string::npos);
    } else {
      const Json choice = Json::parse(reply->body)["choices"][0];
      EXPECT_EQ(choice["finish_reason"], "tool_calls");
      EXPECT_EQ(choice["message"]["content"], "I am looking.");
      EXPECT_EQ(choice["message"]["reasoning_content"], "Hm.");
      call = choice["message"]["tool_calls"][0];
    }
    EXPECT_EQ(call["id"], "call_r7_0");
    EXPECT_EQ(call["type"], "function");
    EXPECT_EQ(call["function"]["name"], "find");
    EXPECT_EQ(call["function"]["arguments"], R"({"n":1})");
  }
}

TEST(ChatAnswer, AStreamWithAGapDoesNotLookWhole) {
  ChatRequest request;
  request.stream = true;
  const auto reply = std::make_shared<Kept>();
  reply->room = 3;
  ChatAnswer answer(request, {"m", "1", false}, reply, "r7", Language::kEnglish);
  EXPECT_TRUE(answer.token({}, "some "));
  EXPECT_TRUE(answer.token({}, "more "));
  EXPECT_FALSE(answer.token({}, "words"));
  EXPECT_TRUE(reply->closed);
  reply->room = 1000;  // it reads again
  engine::Description description;
  description.finish_reason = "stop";
  answer.finish(description);
  EXPECT_EQ(reply->body.find("stop"), std::string::npos) << reply->body;
  EXPECT_EQ(reply->body.find("DONE"), std::string::npos) << reply->body;
}

TEST(ChatAnswer, ErrorsComeEvenInTheMiddleOfAStream) {
  ChatRequest request;
  request.stream = true;
  for (const auto& [language, message] : {std::pair{Language::kEnglish, "messages has no content"},
                                          std::pair{Language::kChinese, "messages 没有内容"}}) {
    const auto reply = std::make_shared<Kept>();
    ChatAnswer answer(request, {"m", "1", false}, reply, "r8", language);
    answer.token({}, "some words");
    answer.fail({ErrorCode::kInvalid, "{} has no content"_text("messages")});
    const size_t at = reply->body.find("data: {\"error\":");
    ASSERT_NE(at, std::string::npos) << reply->body;
    const std::string last = reply->body.substr(at);
    EXPECT_EQ(last.find('\n'), last.size() - 2) << last;
    EXPECT_EQ(Json::parse(last.substr(6))["error"]["message"], message);
  }
}

}  // namespace
}  // namespace shijian::server
