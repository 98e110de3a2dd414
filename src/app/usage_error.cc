#include "app/usage_error.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

namespace shijian::app {
namespace {

const CLI::App& innermost(const CLI::App& app) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  return chosen.empty() ? app : innermost(*chosen.front());
}

Text unknown_word(const std::string& word) {
  return "'{}' is neither a command nor an option"_text(word);
}

bool holds_name(const std::string& sentence, const std::string& name) {
  const size_t at = sentence.find(name);
  if (at == std::string::npos) return false;
  const size_t end = at + name.size();
  return end == sentence.size() ||
         (std::isalnum(static_cast<unsigned char>(sentence[end])) == 0 && sentence[end] != '-');
}

// The option that the library's sentence is about: the one with the longest name in it.
const CLI::Option* option_named(const CLI::App& command, const std::string& sentence) {
  const CLI::Option* found = nullptr;
  for (const CLI::Option* option : command.get_options()) {
    const std::string& name = option->get_name();
    if (!holds_name(sentence, name)) continue;
    if (found == nullptr || name.size() > found->get_name().size()) found = option;
  }
  return found;
}

// "INT in [0 - 1024]" of "INT:INT in [0 - 1024]": what the value is checked against.
Text expected_of(const CLI::Option& option) {
  if (option.get_items_expected_max() == 0) return "true or false"_text;
  const std::string kind = option.get_type_name();
  if (kind.starts_with("SIZE")) return "a size within its limits, such as 500MB"_text;
  return Text::value(kind.substr(kind.find(':') + 1));
}

Text wrong_value(const CLI::Option& option) {
  const std::string value = option.results().empty() ? "" : option.results().back();
  if (value.empty()) {
    return "{}: the value does not fit, expected {}"_text(option.get_name(), expected_of(option));
  }
  return "{}: '{}' does not fit, expected {}"_text(option.get_name(), value, expected_of(option));
}

Text wrong_count(const CLI::Option& option) {
  if (option.results().size() > static_cast<size_t>(option.get_items_expected_max())) {
    return "{} is given more than once"_text(option.get_name());
  }
  return "{}: a value is missing, {}"_text(option.get_name(), expected_of(option));
}

Text missing(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_required() && option->count() == 0) {
      return "{} is required"_text(option->get_name());
    }
  }
  const std::vector<std::string> unknown = command.remaining();
  return unknown.empty() ? Text("a command is required"_text) : unknown_word(unknown.front());
}

// Of two options that do not go together, or of which one needs the other.
Text relation(const CLI::App& command, bool excludes) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() == 0) continue;
    for (const CLI::Option* other : excludes ? option->get_excludes() : option->get_needs()) {
      if ((other->count() > 0) != excludes) continue;
      return excludes ? "{} excludes {}"_text(option->get_name(), other->get_name())
                      : "{} requires {}"_text(option->get_name(), other->get_name());
    }
  }
  return "the options do not go together"_text;
}

}  // namespace

Text usage_text(const CLI::ParseError& error, const CLI::App& command) {
  std::string sentence = error.what();
  std::replace(sentence.begin(), sentence.end(), '\n', ' ');
  const std::vector<std::string> unknown = command.remaining();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    return unknown.empty() ? Text::words(std::move(sentence))
                           : "the argument '{}' was not expected"_text(unknown.front());
  }
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) return missing(command);
  if (dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr) return relation(command, true);
  if (dynamic_cast<const CLI::RequiresError*>(&error) != nullptr) return relation(command, false);
  const CLI::Option* option = option_named(command, sentence);
  if (option == nullptr) return Text::words(std::move(sentence));
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) return wrong_count(*option);
  return wrong_value(*option);
}

Error usage_error(const CLI::ParseError& error, const CLI::App& app) {
  const CLI::App& command = innermost(app);
  std::string path = "shijian";
  for (const CLI::App* sub : app.get_subcommands()) path += " " + sub->get_name();
  const Text hint = "{} --help names what there is"_text(path);
  const std::vector<std::string> unknown = app.remaining();
  return {ErrorCode::kUsage,
          unknown.empty() ? usage_text(error, command) : unknown_word(unknown.front()), hint};
}

}  // namespace shijian::app
