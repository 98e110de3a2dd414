#include "app/chinese_help.h"

#include <algorithm>
#include <memory>
#include <string>

#include "i18n/translate.h"

namespace shijian::app {
namespace {

void replace(const std::string& english, const auto& set) {
  if (const auto chinese = i18n::chinese_form(english)) set(std::string(*chinese));
}

// Line by line: a whole line, or what a line explains after two spaces or more.
std::string translated_footer(const std::string& footer) {
  std::string out;
  for (size_t begin = 0; begin <= footer.size();) {
    const size_t end = std::min(footer.find('\n', begin), footer.size());
    std::string line = footer.substr(begin, end - begin);
    const size_t gap = line.rfind("  ");
    const size_t text = gap == std::string::npos || gap == 0 ? 0 : gap + 2;
    replace(line.substr(text),
            [&](const std::string& chinese) { line.replace(text, {}, chinese); });
    out += line;
    if (end < footer.size()) out += '\n';
    begin = end + 1;
  }
  return out;
}

void translate(CLI::App& app, const std::shared_ptr<CLI::Formatter>& formatter) {
  replace(app.get_description(), [&](const std::string& text) { app.description(text); });
  app.footer(translated_footer(app.get_footer()));
  replace(app.get_group(), [&](const std::string& text) { app.group(text); });
  for (CLI::Option* option : app.get_options()) {
    replace(option->get_description(), [&](const std::string& text) { option->description(text); });
    replace(option->get_group(), [&](const std::string& text) { option->group(text); });
  }
  app.formatter(formatter);
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    translate(*command, formatter);
  }
}

}  // namespace

void help_in_chinese(CLI::App& app) {
  const auto formatter = std::make_shared<CLI::Formatter>();
  formatter->label("Usage", "用法");
  formatter->label("OPTIONS", "选项");
  formatter->label("Positionals", "参数");
  formatter->label("SUBCOMMAND", "子命令");
  formatter->label("SUBCOMMANDS", "子命令");
  formatter->label("REQUIRED", "必填");
  formatter->label("Env", "环境变量");
  formatter->label("Needs", "需要");
  formatter->label("Excludes", "不能同时用");
  formatter->label("TEXT", "文字");
  formatter->label("INT", "整数");
  formatter->label("UINT", "自然数");
  formatter->label("FLOAT", "数");
  formatter->label("DIR", "目录");
  formatter->label("FILE", "文件");
  formatter->label("TIME", "时间");
  formatter->label("SIZE", "大小");
  translate(app, formatter);
}

}  // namespace shijian::app
