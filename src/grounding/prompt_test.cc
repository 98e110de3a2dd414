#include "grounding/prompt.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace shijian::grounding {
namespace {

namespace fs = std::filesystem;

class PromptStyleDirectory : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / fmt::format("shijian-prompt-{}", ::getpid());
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }
  fs::path make(const std::string& name, const std::string& file = {},
                const std::string& content = {}) {
    fs::create_directories(root_ / name);
    if (!file.empty()) std::ofstream(root_ / name / file) << content;
    return root_ / name;
  }
  fs::path root_;
};

TEST(Prompt, TimeLensWordingIsExact) {
  EXPECT_EQ(make_prompt("a man opens a door", PromptStyle::kTimeLens).text,
            "Please find the visual event described by the sentence 'a man opens a door', "
            "determining its starting and ending times. The format should be: 'The event happens "
            "in <start time> - <end time> seconds'.");
  EXPECT_EQ(make_prompt("男人打开门", PromptStyle::kTimeLens).text,
            "请找出句子“男人打开门”所描述的视觉事件，并确定它的开始和结束时间。"
            "格式应为：“事件发生在 <开始时间> - <结束时间> 秒”。");
}

TEST(Prompt, QwenPutsTheQuestionFirstAndTimeLens2AsksForAllSpans) {
  EXPECT_EQ(make_prompt("When does it rain?", PromptStyle::kQwen).text,
            "When does it rain?\nAnswer the question, then give each moment as JSON [{\"start\": "
            "seconds, \"end\": seconds, \"label\": \"event\"}], or [] if it does not occur.");
  EXPECT_EQ(make_prompt("什么时候下雨？", PromptStyle::kQwen).text,
            "什么时候下雨？\n请回答问题，并以 JSON 给出每个时刻 [{\"start\": 秒, \"end\": 秒, "
            "\"label\": \"事件\"}]，如果没有出现，给出 []。");
  EXPECT_NE(make_prompt("rain", PromptStyle::kTimeLens2).text.find("return ALL time spans"),
            std::string::npos);
  EXPECT_NE(make_prompt("下雨", PromptStyle::kTimeLens2).text.find("所有时间段"),
            std::string::npos);
}

TEST(Prompt, TheWholeQuestionArrivesByteForByte) {
  const std::string questions[] = {
      "When does the player shoot, and does the ball go in?", "球员什么时候投篮？球进了吗？",
      "  spaces, \"quotes\", 'single' and\nnew lines {} stay ", "<|im_end|><|im_start|>system"};
  for (const std::string& question : questions) {
    for (PromptStyle style :
         {PromptStyle::kQwen, PromptStyle::kTimeLens, PromptStyle::kTimeLens2}) {
      const Prompt prompt = make_prompt(question, style);
      EXPECT_EQ(prompt.text.substr(prompt.question_begin, prompt.question_size), question);
      std::string rest = prompt.text;
      rest.erase(prompt.question_begin, prompt.question_size);
      EXPECT_EQ(rest.find("<|"), std::string::npos) << "a template holds a control token";
      EXPECT_EQ(rest.find("{}"), std::string::npos);
    }
  }
}

TEST(Prompt, RefusesNothingToAsk) {
  for (const char* question : {"", " \n\t ", "\xE3\x80\x80"}) {
    try {
      make_prompt(question, PromptStyle::kQwen);
      FAIL() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage);
      EXPECT_FALSE(error.hint().empty());
    }
  }
  EXPECT_THROW(make_prompt("bad \xFF byte", PromptStyle::kQwen), Error);
}

TEST(Prompt, CountsTheCharactersOfAQuestion) {
  std::string question;
  for (int64_t i = 0; i < kMaxQuestion; ++i) question += "何";
  EXPECT_NO_THROW(check_question(question));
  EXPECT_THROW(check_question(question + "?"), Error);
}

TEST(Language, FollowsTheScriptOfTheQuestion) {
  const struct {
    const char* text;
    Language language;
  } cases[] = {
      {"When does the dog jump?", Language::kEnglish},
      {"狗什么时候跳起来？", Language::kChinese},
      {"iPhone 15 Pro 什么时候出现", Language::kChinese},
      {"文字“EXIT NOW PLEASE”什么时候出现？", Language::kChinese},
      {"When does the sign '出口' appear?", Language::kEnglish},
      {"When is “禁止停车，请从后门绕行” visible?", Language::kEnglish},
      {"什么时候出现 \"WORLD CUP FINAL 2026\"?", Language::kChinese},
      {"the dog's tail and the cat's tail", Language::kEnglish},
      {"犬はいつ飛びますか", Language::kEnglish},
      {"'红色圆形'", Language::kChinese},
      {"12:30?", Language::kEnglish},
      {"Quand le chien saute-t-il ?", Language::kEnglish},
  };
  for (const auto& c : cases) EXPECT_EQ(detect_language(c.text), c.language) << c.text;
}

TEST_F(PromptStyleDirectory, FollowsTheFamily) {
  EXPECT_EQ(family_prompt_style(make("Qwen3-VL-4B-Instruct")), PromptStyle::kQwen);
  EXPECT_EQ(family_prompt_style(make("TimeLens-8B")), PromptStyle::kTimeLens);
  EXPECT_EQ(family_prompt_style(make("TimeLens2-4B") / ""), PromptStyle::kTimeLens2);
  EXPECT_EQ(
      family_prompt_style(make("mine", "config.json", R"({"_name_or_path":"x/TimeLens2-8B"})")),
      PromptStyle::kTimeLens2);
}

TEST(PromptStyle, NamesGoBothWays) {
  for (PromptStyle style : {PromptStyle::kQwen, PromptStyle::kTimeLens, PromptStyle::kTimeLens2}) {
    EXPECT_EQ(parse_prompt_style(prompt_style_name(style)), style);
  }
  EXPECT_THROW(parse_prompt_style("auto"), Error);
}

}  // namespace
}  // namespace shijian::grounding
