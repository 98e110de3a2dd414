#include "app/serve_command.h"

#include <gtest/gtest.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <string>

#include "app/config_file.h"
#include "base/file.h"
#include "base/temporary_folder.h"

namespace shijian::app {
namespace {

// "--keep-jobs" is "SHIJIAN_KEEP_JOBS".
std::string variable_of(std::string option) {
  std::transform(option.begin(), option.end(), option.begin(),
                 [](char c) { return c == '-' ? '_' : static_cast<char>(std::toupper(c)); });
  return "SHIJIAN" + option.substr(1);
}

TEST(ServeCommand, HasAVariableForEverySetting) {
  CLI::App app;
  add_serve_command(app, "1");
  int settings = 0;
  for (const CLI::Option* option : app.get_subcommand("serve")->get_options()) {
    const std::string name = option->get_name();
    if (name == "--help") continue;
    EXPECT_EQ(option->get_envname(), variable_of(name));
    ++settings;
  }
  EXPECT_GT(settings, 25);
}

TEST(ServeCommand, SaysWhatEverySizeIsWithoutIt) {
  CLI::App app;
  add_serve_command(app, "1");
  for (const char* name :
       {"--max-upload", "--quota", "--decode-memory", "--prefix-memory", "--cache-size"}) {
    const CLI::Option* option = app.get_subcommand("serve")->get_option(name);
    EXPECT_NE(option->get_description().find("(default"), std::string::npos) << name;
  }
}

TEST(ConfigFile, MayHaveAByteOrderMark) {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "serve.toml").string();
  const std::string plain = "port = 7\n";
  std::string utf16 = "\xFE\xFF";
  for (const char c : plain) utf16 += {'\0', c};
  for (const std::string& text : {plain, "\xEF\xBB\xBF" + plain, utf16}) {
    write_file_atomic(file, text);
    CLI::App app;
    int port = 0;
    app.add_option("--port", port);
    apply_config_file(app, file);
    EXPECT_EQ(port, 7) << text;
  }
}

}  // namespace
}  // namespace shijian::app
