// The answer of describe as JSON (docs/formats.md).
#pragma once

#include "base/json.h"
#include "engine/request.h"

namespace shijian::engine {

OrderedJson description_json(const Description& description, const std::string& model);

}  // namespace shijian::engine
