// Facts as people read them: a name and a value on each line, in the reader's language.
#pragma once

#include <string>

#include "base/json.h"

namespace shijian::app {

// Of an object, whose objects are indented under their names. Numbers named bytes get their unit.
std::string fact_table(const OrderedJson& facts);

}  // namespace shijian::app
