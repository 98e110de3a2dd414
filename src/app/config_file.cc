#include "app/config_file.h"

#include <toml++/toml.h>

#include <CLI/Option.hpp>
#include <sstream>
#include <vector>

#include "app/usage_error.h"
#include "base/error.h"
#include "base/text_file.h"

namespace shijian::app {
namespace {

// As it would be written on the command line.
std::string text_of(const toml::node& node) {
  if (const auto text = node.value<std::string>()) return *text;
  std::ostringstream text;
  node.visit([&](const auto& value) { text << value; });
  return text.str();
}

}  // namespace

void apply_config_file(CLI::App& command, const std::string& file) {
  const auto wrong = [&file](const Text& what, const Text& hint = {}) {
    return Error(ErrorCode::kUsage, "{}: {}"_text(file, what), hint);
  };
  toml::table table;
  try {
    table = toml::parse(read_text_file(file, size_t{1} << 20), file);
  } catch (const toml::parse_error& error) {
    throw wrong("line {}: {}"_text(error.source().begin.line,
                                   Text::words(std::string(error.description()))));
  }
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    CLI::Option* option = command.get_option_no_throw("--" + name);
    if (option == nullptr || name == "config" || name == "help") {
      throw wrong("there is no setting '{}'"_text(name),
                  "shijian {} --help names them all"_text(command.get_name()));
    }
    if (option->count() > 0) continue;
    try {
      if (const toml::array* list = node.as_array()) {
        for (const toml::node& item : *list) option->add_result(text_of(item));
      } else {
        option->add_result(text_of(node));
      }
      if (option->count() > 0) option->run_callback();
    } catch (const CLI::ParseError& error) {
      throw wrong(usage_text(error, command));
    }
  }
}

}  // namespace shijian::app
