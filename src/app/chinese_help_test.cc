#include "app/chinese_help.h"

#include <gtest/gtest.h>

#include <string>

#include "app/commands.h"
#include "i18n/translate.h"

namespace shijian::app {
namespace {

void all_texts(const CLI::App& app, std::vector<std::string>* texts) {
  texts->push_back(app.get_description());
  for (const CLI::Option* option : app.get_options()) {
    texts->push_back(option->get_description());
    texts->push_back(option->get_group());
  }
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    texts->push_back(command->get_group());
    all_texts(*command, texts);
  }
}

TEST(ChineseHelpTest, LacksNoDescription) {
  CLI::App app("", "shijian");
  app.set_version_flag("--version", "1");
  add_commands(app, "1");
  std::vector<std::string> texts;
  all_texts(app, &texts);
  EXPECT_GT(texts.size(), 200);
  for (const std::string& text : texts) {
    EXPECT_FALSE(text.empty());
    EXPECT_TRUE(i18n::chinese_form(text)) << "src/i18n/chinese.txt lacks: " << text;
  }
}

TEST(HelpTest, EveryCommandHasItsOwnExamples) {
  CLI::App app("", "shijian");
  add_commands(app, "1");
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    EXPECT_NE(command->get_footer().find("\n  shijian " + command->get_name()), std::string::npos)
        << command->get_name();
  }
}

TEST(ChineseHelpTest, IsShownInPlaceOfTheEnglish) {
  CLI::App app("", "shijian");
  add_commands(app, "1");
  help_in_chinese(app);
  const std::string help = app.get_subcommand("locate")->help();
  for (const char* text : {"用法: ", "参数:", "要找什么，用平常的话说", "取帧:", "例子：",
                           "shijian locate game.mp4 \"When does the ball go in?\""}) {
    EXPECT_NE(help.find(text), std::string::npos) << text << "\n" << help;
  }
  EXPECT_EQ(help.find("Frames a second"), std::string::npos);
  EXPECT_NE(app.help().find("退出状态：0 完成"), std::string::npos) << app.help();
  EXPECT_NE(app.get_subcommand("info")->help().find("shijian info                       这台机器"),
            std::string::npos);
}

}  // namespace
}  // namespace shijian::app
