// Which calls of tools a chat asks for, and what they look like.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "guided/answer_form.h"

namespace shijian::server {

struct ToolChoice {
  bool none = false;
  bool forced = false;    // a call has to come,
  std::string name = {};  // of this function; "": of any
};

// `json` is a request's tool_choice; null: absent. The errors of JsonFields.
ToolChoice read_tool_choice(const OrderedJson* json);

// Adds the form of calls of `function`, an entry of tools, if `choice` lets it be called. The
// errors of JsonFields and JsonGrammar.
void add_callable(const OrderedJson& function, const ToolChoice& choice,
                  std::vector<guided::AnswerForm::Tool>& callable);

}  // namespace shijian::server
