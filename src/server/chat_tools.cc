#include "server/chat_tools.h"

#include "base/error.h"
#include "server/json_fields.h"

namespace shijian::server {

ToolChoice read_tool_choice(const OrderedJson* json) {
  if (json == nullptr || *json == "auto") return {};
  if (*json == "none") return {.none = true};
  if (*json == "required") return {.forced = true};
  ToolChoice named{.forced = true};
  if (json->is_object()) {
    OrderedJsonFields fields(*json, "tool_choice");
    const bool function = fields.text("type").value_or("") == "function";
    if (const OrderedJson* called = fields.any("function"); function && called != nullptr) {
      fields.done();
      OrderedJsonFields inner(*called, "tool_choice.function");
      named.name = inner.text("name").value_or("");
      inner.done();
    }
  }
  if (named.name.empty()) {
    throw Error(
        ErrorCode::kUsage,
        "tool_choice is neither \"auto\", \"none\", \"required\" nor a function"_text,
        "write {\"type\": \"function\", \"function\": {\"name\": …}} to have one called"_text);
  }
  return named;
}

void add_callable(const OrderedJson& function, const ToolChoice& choice,
                  std::vector<guided::AnswerForm::Tool>& callable) {
  OrderedJsonFields fields(function, "tools.function");
  const std::string name = fields.text("name").value_or("");
  if (name.empty()) throw Error(ErrorCode::kUsage, "tools holds a function without a name"_text);
  if (!choice.name.empty() && choice.name != name) return;
  const OrderedJson* parameters = fields.any("parameters");
  try {
    callable.push_back({name, parameters == nullptr
                                  ? guided::JsonGrammar::any_object()
                                  : guided::JsonGrammar::of_object_schema(*parameters)});
  } catch (const Error& error) {
    throw Error(error.code(),
                "tools: function '{}': {}"_text(name.substr(0, 100), error.message_text()),
                error.hint_text());
  }
}

}  // namespace shijian::server
