// The program's texts, all of which are linked into this test.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "app/commands.h"
#include "base/text.h"
#include "i18n/translate.h"

namespace shijian::app {
namespace {

TEST(EveryText, HasItsChinese) {
  CLI::App app("", "shijian");
  add_commands(app, "1");  // needs every command, and so every library
  size_t lines = 0;
  for (const std::string_view form : text_forms()) {
    ++lines;
    EXPECT_TRUE(i18n::chinese_form(form)) << "src/i18n/chinese.txt lacks: " << form;
  }
  EXPECT_GT(lines, 500u);
}

}  // namespace
}  // namespace shijian::app
