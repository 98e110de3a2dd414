// What the readers of structures and of sentences hand to parse_answer. Internal to the answer
// parser.
#pragma once

#include <string>
#include <vector>

#include "grounding/event.h"
#include "grounding/normal_text.h"
#include "grounding/time_scan.h"

namespace shijian::grounding {

struct RawTime {
  double seconds = 0;
  double reread = -1;  // see TimeToken
  bool clock = false;
  TextRange text;  // bytes of the source; empty for "the end of the video"
};

// As written: possibly reversed, negative or past the end.
struct RawEvent {
  RawTime start, end;
  bool moment = false;  // one time was written, not two
  bool denied = false;  // the sentence says that it does not happen then
  std::string label;
};

struct Findings {
  std::vector<RawEvent> events;
  bool denial = false;     // an explicit "nothing": [], null, {"found": false}, start and end -1
  bool malformed = false;  // a strict JSON parser would have refused it
  bool truncated = false;  // the text stops inside an event, which is left out
  bool too_many = false;
};

// More than any honest answer holds; keeps repetition without end from costing memory.
constexpr size_t kMaxRawEvents = 20000;

RawTime raw_time(const NormalText& text, const TimeToken& token);

// Lists and objects anywhere in the text. `masked` receives a copy of the normal text in which
// what was read as a structure is blank. `duration`: where the clip, or the part of it that was
// shown, ends.
Findings read_structures(const NormalText& text, double duration, std::string& masked);

// Sentences and lines of [begin, end) of `prose`, which is text.text or its masked copy.
// `in_structure`: inside a JSON value, where bare numbers are times.
Findings read_prose(const NormalText& text, std::string_view prose, size_t begin, size_t end,
                    double duration, bool in_structure);

// Clauses that say that something does not occur or is not there, in order.
std::vector<TextRange> find_denials(std::string_view prose);

// Whether the words as a whole are a refusal to name any moment: "No.", "没有。"
bool is_plain_no(std::string_view prose);

// Mends `found` and fills events, notes, absent (for an empty 0 - 0) and trust of `answer`.
struct AnswerOptions;
struct ParsedAnswer;
void mend_events(Findings found, const AnswerOptions& options, ParsedAnswer& answer);

// Whether the text ends in at least four copies of one piece of 3 to 2000 bytes, 40 bytes in all.
bool ends_in_repetition(std::string_view text);

}  // namespace shijian::grounding
