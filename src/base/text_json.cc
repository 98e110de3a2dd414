#include "base/text_json.h"

#include "base/error.h"

namespace shijian {

Json text_json(const Text& text) {
  if (text.is_value()) return text.form();
  Json json = {{"form", text.form()}};
  for (const Text& argument : text.arguments()) json["arguments"].push_back(text_json(argument));
  return json;
}

Text text_from_json(const Json& json) {
  if (json.is_string()) return Text::value(json.get<std::string>());
  if (!json.is_object() || !json.contains("form") || !json["form"].is_string()) {
    throw Error(ErrorCode::kInvalid, "read text: it has no form"_text);
  }
  std::vector<Text> arguments;
  if (json.contains("arguments")) {
    for (const Json& argument : json["arguments"]) arguments.push_back(text_from_json(argument));
  }
  return Text::filled(json["form"].get<std::string>(), std::move(arguments));
}

}  // namespace shijian
