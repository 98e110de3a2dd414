// Whether a part of a video shows what a question asks about: the question, and how likely its
// answer is a yes.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/text.h"
#include "grounding/confidence.h"

namespace shijian::grounding {

// For the user's turn, behind the video.
std::string yes_no_question(std::string_view question, Language language);

// Of the alternatives to an answer's first token, the share of those that say yes among those that
// say yes or no, in English or Chinese. Empty where none does.
std::optional<double> probability_of_yes(std::span<const TokenAlternative> alternatives);

}  // namespace shijian::grounding
