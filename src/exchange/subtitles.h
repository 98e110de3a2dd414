// Events as SubRip, WebVTT and CSV. Each returns one whole document.
#pragma once

#include <span>
#include <string>

#include "base/time_code.h"

namespace shijian::grounding {
struct Answer;
}

namespace shijian::exchange {

// The events of all answers in order of time. Players show nothing for a cue without length, so a
// moment is given a tenth of a second, inside the clip where there is room.
std::string format_srt(std::span<const grounding::Answer> answers);
std::string format_vtt(std::span<const grounding::Answer> answers);

// RFC 4180, one event a line after a header; an answer without events has no line. A field that a
// spreadsheet would run as a formula is kept from it by a leading apostrophe.
std::string format_csv(std::span<const grounding::Answer> answers, TimeFormat time_format);

}  // namespace shijian::exchange
