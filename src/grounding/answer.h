// From the words of a model to events: every form in which models of the family answer, and what
// such answers look like when they go wrong.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "grounding/event.h"
#include "grounding/notes.h"

namespace shijian::grounding {

struct AnswerOptions {
  // What the model was shown, in seconds of its clock: events are clamped to [from, to].
  double from = 0;
  double to = 0;
  std::string default_label;  // for events that the model gave no label, usually the question
  // The generation prompt ended inside <think>, so the text may hold only the closing tag.
  bool starts_in_thought = false;
};

// Of a part from..to of a timeline that was shown with a clock which stands at 0 at clock_start and
// runs clock_rate seconds in one of the timeline's.
AnswerOptions on_clock(double from, double to, double clock_start, double clock_rate);

struct ParsedAnswer {
  std::string response;       // the model's words without its thoughts, trimmed, valid UTF-8
  std::string reasoning;      // its thoughts, trimmed; empty when there are none
  std::vector<Event> events;  // ordered by start, then end; no confidence yet
  bool absent = false;        // no event, and the model says so
  bool unparsed = false;      // no event and no denial
  double trust = 1;           // below 1 when the events look made up; bounds their confidence
  std::vector<Note> notes;    // what was mended
};

// "It does not occur", as an answer without words of the model's own says it.
std::string_view denial(Language language);

// Never throws on any input: `text` may be anything up to the memory it takes, ill-formed UTF-8
// included. Work is linear in its length. At most 10000 events come back.
// TextRange of the events counts bytes of `text` as given.
ParsedAnswer parse_answer(std::string_view text, const AnswerOptions& options);

// Whether an answer, as far as it is written, repeats itself without end or cuts the clip into
// equal parts: times that nobody saw.
bool looks_made_up(std::string_view text, const AnswerOptions& options);

}  // namespace shijian::grounding
