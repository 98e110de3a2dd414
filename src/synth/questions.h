// Questions about a script, in English and Chinese.
#pragma once

#include <string>
#include <vector>

#include "synth/script.h"

namespace shijian::synth {

struct Question {
  std::string query;
  Kind kind = Kind::kVisible;
  std::string language;     // "en" or "zh"
  std::vector<Span> spans;  // empty for kAbsent
};

// At most `most` different questions, in random order: each event in random order, then, up to
// `rounds` times in all, each event again in other words. One question in five
// is about what never happens, worded with the same templates and built from near misses.
// At least two questions when `most` allows and absent ones are wanted.
// The same for the same arguments.
std::vector<Question> make_questions(const Script& script, int most, int rounds);

}  // namespace shijian::synth
