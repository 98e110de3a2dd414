// Why an answer says what it says.
#pragma once

#include <string>
#include <string_view>

#include "base/text.h"
#include "grounding/output.h"

namespace shijian::grounding {

// What a model that has just named a moment is asked next.
std::string_view reason_question(Language language);

// What was measured of each event, the first ten, a line each, in the question's language: how many
// looks there were at it, the closest of them, and what its confidence rests on. Empty where there
// are no events.
std::string evidence_reason(const Answer& answer);

}  // namespace shijian::grounding
