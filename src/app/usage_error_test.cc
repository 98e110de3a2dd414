#include "app/usage_error.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "app/commands.h"
#include "i18n/translate.h"

namespace shijian::app {
namespace {

Error error_of(std::vector<std::string> arguments) {
  CLI::App app("", "shijian");
  add_commands(app, "1");
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return usage_error(error, app);
  }
  return {ErrorCode::kInternal, Text::words("it was parsed")};
}

std::string chinese(const Text& text) { return i18n::translate(text, Language::kChinese); }

TEST(UsageError, NamesWhatIsWrong) {
  EXPECT_EQ(error_of({"frobnicate"}).message(), "'frobnicate' is neither a command nor an option");
  EXPECT_EQ(error_of({"info", "--frob"}).message(), "the argument '--frob' was not expected");
  EXPECT_EQ(error_of({"locate"}).message(), "VIDEO is required");
  EXPECT_EQ(error_of({"locate", "a", "b", "--fps"}).message(),
            "--fps: a value is missing, a number of frames a second, or adaptive");
  EXPECT_EQ(error_of({"locate", "a", "b", "--threads", "x"}).message(),
            "--threads: 'x' does not fit, expected INT in [0 - 1024]");
  EXPECT_EQ(error_of({"locate", "a", "b", "--threads", "1", "--threads", "2"}).message(),
            "--threads is given more than once");
  EXPECT_EQ(error_of({"locate", "a", "b", "--cache-size", "100"}).message(),
            "--cache-size: '100' does not fit, expected a size within its limits, such as 500MB");
  EXPECT_EQ(error_of({"locate", "a", "b", "--quiet=x"}).message(),
            "--quiet: 'x' does not fit, expected true or false");
  EXPECT_EQ(error_of({"--fpsx", "locate", "a", "b"}).message(),
            "'--fpsx' is neither a command nor an option");
  EXPECT_EQ(error_of({"cache", "frob"}).message(), "'frob' is neither a command nor an option");
  EXPECT_EQ(error_of({"locate", "a", "b", "--fps", "1", "--frames", "2"}).message(),
            "--fps excludes --frames");
}

TEST(UsageError, IsSaidInChinese) {
  EXPECT_EQ(chinese(error_of({"locate"}).message_text()), "缺少 VIDEO");
  EXPECT_EQ(chinese(error_of({"info", "--frob"}).message_text()), "多出一个参数：“--frob”");
  EXPECT_EQ(chinese(error_of({"frobnicate"}).hint_text()), "shijian --help 列出可用的命令和选项");
}

TEST(UsageError, TheHintNamesTheCommand) {
  EXPECT_EQ(error_of({"info", "--frob"}).hint(), "shijian info --help names what there is");
  EXPECT_EQ(error_of({"frobnicate"}).code(), ErrorCode::kUsage);
}

}  // namespace
}  // namespace shijian::app
