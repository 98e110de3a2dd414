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

// At most `most` different questions, in random order: each event once, about one question in five
// without an answer (worded with the same templates, built from near misses), then, while there
// is room, each event again in other words. The same for the same script and `most`.
std::vector<Question> make_questions(const Script& script, int most);

}  // namespace shijian::synth
