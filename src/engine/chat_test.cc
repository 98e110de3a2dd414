// Chats of several turns, given frames and constrained answers, with random weights and real files.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "base/temporary_folder.h"
#include "engine/chat_parts.h"
#include "engine/engine.h"
#include "source_dir.h"

namespace shijian::engine {
namespace {

namespace fs = std::filesystem;

class Chat : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    engine_ = new Engine({.model = source_dir() / "tests/reference/checkpoints/dense_tied"});
    thinking_ = new Engine({.model = source_dir() / "tests/reference/checkpoints/f16_thinking"});
  }
  static void TearDownTestSuite() {
    delete engine_;
    delete thinking_;
  }

  static text::Part text(const std::string& words) { return {text::Part::Kind::kText, words, 0}; }
  static text::Part video(int64_t index) { return {text::Part::Kind::kVideo, {}, index}; }
  static text::Part image(int64_t index) { return {text::Part::Kind::kImage, {}, index}; }

  // Pictures of one size, a second apart.
  std::vector<GivenFrame> frames(int count, const std::string& size) {
    const std::string command =
        fmt::format("ffmpeg -y -nostdin -v error -f lavfi -i testsrc2=s={}:r=1:d={} {}/{}-%d.png",
                    size, count, folder_.path().string(), size);
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    std::vector<GivenFrame> all;
    for (int i = 1; i <= count; ++i) {
      all.push_back({folder_.path() / fmt::format("{}-{}.png", size, i), i - 1.0});
    }
    return all;
  }
  DescribeRequest request_with(std::vector<GivenFrame> frames) {
    DescribeRequest request;
    request.media = {{"frames", false, {}, std::move(frames)}};
    request.messages = {{"user", {video(0), text("What?")}, {}, {}}};
    request.generation.max_new_tokens = 4;
    request.generation.temperature = 0;
    request.generation.ignore_stop = true;
    request.generation.logprobs = 1;
    return request;
  }
  static std::vector<double> logprobs(const Description& description) {
    std::vector<double> all;
    for (const grounding::GeneratedToken& token : description.tokens) all.push_back(token.logprob);
    return all;
  }

  const TemporaryFolder folder_;
  static inline Engine* engine_ = nullptr;
  static inline Engine* thinking_ = nullptr;
};

TEST_F(Chat, SeveralTurnsWithMediaInEach) {
  DescribeRequest request = request_with(frames(3, "64x64"));
  request.media.push_back({source_dir() / "tests/reference/media/picture.png", true});
  request.sampling.frame_pixels = 4096;
  const int64_t one_turn = [&] {
    DescribeRequest first = request;
    first.media.resize(1);
    return engine_->describe(first).usage.prompt_tokens;
  }();
  request.messages.push_back({"assistant", {text("A test picture.")}, {}, {}});
  request.messages.push_back({"user", {text("And "), image(0 + 1), text("?")}, {}, {}});
  const Description answer = engine_->describe(request);
  EXPECT_GT(answer.usage.prompt_tokens, one_turn);
  // The first turn is known from before: what it showed is not looked at again.
  EXPECT_GE(answer.reuse.prefix_tokens, one_turn - 5);
  EXPECT_EQ(answer.reuse.encoded_slots, 1);
  EXPECT_EQ(answer.usage.generated_tokens, 4);
}

TEST_F(Chat, GivenFramesAreAllShownWithTheirTimes) {
  const auto pictures = frames(5, "64x48");
  const Description a = engine_->describe(request_with(pictures));
  EXPECT_EQ(a.media.at(0).plan.slot_times, (std::vector<double>{0.5, 2.5, 4}));
  EXPECT_EQ(a.media.at(0).slots, 3);
  auto later = pictures;
  for (GivenFrame& frame : later) frame.time += 100;
  const Description b = engine_->describe(request_with(later));
  EXPECT_EQ(b.media.at(0).plan.slot_times, (std::vector<double>{100.5, 102.5, 104}));
  EXPECT_NE(logprobs(a), logprobs(b));
  // Other pictures at the same times are another video.
  auto turned = pictures;
  std::swap(turned[0].picture, turned[4].picture);
  EXPECT_NE(logprobs(a), logprobs(engine_->describe(request_with(turned))));
  EXPECT_EQ(logprobs(a), logprobs(engine_->describe(request_with(pictures))));
  EXPECT_EQ(engine_->describe(request_with({pictures[0]})).media.at(0).slots, 1);
}

TEST_F(Chat, RefusesFramesThatAreNoVideo) {
  auto pictures = frames(3, "64x48");
  std::swap(pictures[1].time, pictures[2].time);
  EXPECT_THROW(engine_->describe(request_with(pictures)), Error);
  pictures = frames(3, "64x48");
  pictures[2].picture = frames(1, "48x64")[0].picture;
  EXPECT_THROW(engine_->describe(request_with(pictures)), Error);
  pictures[2].picture = folder_.path() / "none.png";
  EXPECT_THROW(engine_->describe(request_with(pictures)), Error);
}

TEST_F(Chat, AnswersAreJsonWhateverTheWeights) {
  const OrderedJson schema = parse_ordered_json(
      R"({"type": "object", "required": ["found", "events"], "properties": {
          "found": {"type": "boolean"}, "events": {"type": "array", "maxItems": 2,
          "items": {"type": "object", "required": ["start"], "properties": {
            "start": {"type": "number"}, "kind": {"enum": ["cut", "fade"]}}}}}})",
      "schema");
  DescribeRequest request;
  request.messages = one_turn("", "List the events.", {});
  request.format = std::make_shared<guided::AnswerForm>(guided::JsonGrammar::of_schema(schema));
  request.generation.max_new_tokens = 300;
  request.generation.temperature = 1.5;
  int ended = 0;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    request.generation.seed = seed;
    const Description answer = engine_->describe(request);
    if (answer.finish_reason == "length") continue;
    const Json json = Json::parse(answer.response, nullptr, false);
    ASSERT_TRUE(json.is_object()) << answer.response;
    EXPECT_TRUE(json.at("found").is_boolean());
    for (const Json& event : json.at("events")) EXPECT_TRUE(event.at("start").is_number());
    ++ended;
  }
  EXPECT_GT(ended, 0);
}

TEST_F(Chat, ThoughtsAreFreeUntilTheyEnd) {
  DescribeRequest request;
  request.messages = one_turn("", "Think.", {});
  request.format = std::make_shared<guided::AnswerForm>(guided::JsonGrammar::any_object());
  request.generation.max_new_tokens = 40;
  request.generation.temperature = 0;
  request.generation.logprobs = 1;
  const Description constrained = thinking_->describe(request);
  request.format = nullptr;
  const Description free = thinking_->describe(request);
  EXPECT_EQ(constrained.reasoning, free.reasoning);  // noise does not end its thoughts
}

TEST_F(Chat, ThePromptMustFitTheContext) {
  constexpr int64_t context = 2000;
  const fs::path model = folder_.path() / "short";
  fs::copy(source_dir() / "tests/reference/checkpoints/dense_tied", model);
  Json config = Json::parse(read_file(model / "config.json", 1 << 20));
  config["text_config"]["max_position_embeddings"] = context;
  std::ofstream(model / "config.json") << config.dump();
  Engine engine({.model = model});
  std::string words;
  for (int64_t i = 0; i < context; ++i) words += " a";
  DescribeRequest request;
  request.messages = one_turn("", words, {});
  RunHooks hooks;
  hooks.progress = [](const Progress& p) { EXPECT_NE(p.stage, "reading"); };
  try {
    engine.describe(request, hooks);
    ADD_FAILURE() << "it was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    const std::string& message = error.message();
    EXPECT_NE(message.find(fmt::format("the model's context of {}", context)), std::string::npos)
        << message;
    EXPECT_NE(error.hint().find("less text"), std::string::npos) << error.hint();
  }
  // A context that was asked for could be larger.
  request.generation.max_context = 1000;
  try {
    engine.describe(request, hooks);
    ADD_FAILURE() << "it was accepted";
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("over the context of 1000"), std::string::npos)
        << error.message();
    EXPECT_NE(error.hint().find("or a larger context"), std::string::npos) << error.hint();
  }
  request.generation.max_context.reset();
  // An answer is as long as there is room, unless its length was asked for.
  request.messages = one_turn("", words.substr(0, (context - 300) * 2), {});
  request.generation.temperature = 0;
  request.generation.ignore_stop = true;
  int heard = 0;
  hooks = {};
  hooks.token = [&](const grounding::GeneratedToken&, std::string_view) { return ++heard < 2; };
  EXPECT_EQ(engine.describe(request, hooks).usage.generated_tokens, 2);
  request.generation.max_new_tokens = 1024;
  EXPECT_THROW(engine.describe(request), Error);
}

TEST_F(Chat, WhoListensMayEndTheAnswer) {
  DescribeRequest request;
  request.messages = one_turn("", "Go on.", {});
  request.generation.temperature = 0;
  request.generation.ignore_stop = true;
  int heard = 0;
  RunHooks hooks;
  hooks.token = [&](const grounding::GeneratedToken&, std::string_view) { return ++heard < 3; };
  const Description answer = engine_->describe(request, hooks);
  EXPECT_EQ(answer.usage.generated_tokens, 3);
  EXPECT_EQ(answer.finish_reason, "stop");
}

}  // namespace
}  // namespace shijian::engine
