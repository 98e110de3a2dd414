// Text as JSON, for where it is kept and for other processes.
#pragma once

#include "base/json.h"
#include "base/text.h"

namespace shijian {

// A value is a string; a form is {"form": "open {}: {}", "arguments": [...]}.
Json text_json(const Text& text);

// Throws Error(kInvalid) where `json` is nothing that text_json() gives.
Text text_from_json(const Json& json);

}  // namespace shijian
