// Which of several times a question means: "for the second time", "the last time", 第二次.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "grounding/event.h"

namespace shijian::localise {

// What holds of a whole video cannot be asked of a part of it: there the question is asked without
// its ordinal, and the ordinal is applied to what all parts showed.
struct OrdinalQuestion {
  std::string plain;  // the question without it
  int which = 0;      // 0: it has none; 1: the first, 2: the second, ...; -1: the last
};

// English and Chinese; what stands in quotation marks is no part of the wording.
OrdinalQuestion read_ordinal(std::string_view question);

// Leaves the one of `events`, which are in order, that `which` means, none where there are fewer.
void choose(std::vector<grounding::Event>& events, int which);

}  // namespace shijian::localise
