// One answer, and answers as text and JSON. docs/formats.md describes both.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/smpte.h"
#include "base/time_code.h"
#include "grounding/confidence.h"
#include "grounding/event.h"
#include "grounding/notes.h"

namespace shijian::grounding {

// The file that was asked about.
struct VideoSummary {
  std::string path;
  double duration = 0;    // seconds
  double frame_rate = 0;  // mean, frames a second
  bool constant_rate = true;
  int64_t frames = 0;
  int width = 0, height = 0;  // as shown: after rotation, square pixels
  std::string codec;          // "h264"
  // What editing programs ask about.
  double start_time = 0;       // seconds: the first frame on the timeline
  EditRate edit_rate;          // frames a second that time codes count
  std::string start_timecode;  // of the first frame: "01:00:00:00"; "" when the file has none
  bool sound = false;
};

// One look at a part of the file.
struct PlannedLook {
  double from = 0, to = 0;  // seconds on the timeline
  double fps = 0;           // frames looked at a second
  std::string reason;       // "whole": the window that was asked for; else what was looked for
};

// What the model saw of it.
struct SamplingSummary {
  double fps = 0;  // frames looked at for each second of the window
  int frames = 0;
  int slots = 0;                   // two frames become one temporal slot
  int width = 0, height = 0;       // of a frame after resizing
  double from = 0, to = 0;         // the window, seconds on the timeline
  std::string clock = "file";      // whose clock the prompt shows: "file", or the "window"'s own
  double clock_start = 0;          // seconds on the timeline at which that clock shows 0
  double clock_rate = 1;           // seconds of that clock in one second of the file
  int windows = 1;                 // that the part was looked at in
  std::vector<double> times;       // [frames], when they were looked at, seconds on the timeline
  std::string processor;           // "transformers" or "qwen-vl-utils"
  std::string reference;           // "4.57" or "5"
  std::string prompt_style;        // "qwen", "timelens", "timelens2"
  std::vector<double> slot_times;  // [slots], the prompt's times, on the timeline; not in the JSON
  std::vector<PlannedLook> plan;   // all looks, in their order
  bool fixed_form = false;         // answers have no words but those of a form; likewise
  bool slot_stamps = false;        // the model writes stamps of slots (slot_stamps.h); likewise
};

struct Usage {
  int64_t vision_tokens = 0;
  int64_t prompt_tokens = 0;  // vision tokens included
  int64_t generated_tokens = 0;
};

// What need not be computed for this answer, and what was.
struct Reuse {
  int64_t slots = 0;          // slots whose features were known, on disk or within a known prefix
  int64_t prefix_tokens = 0;  // tokens of the prompt whose keys and values were known
  int64_t encoded_slots = 0;  // slots that the vision encoder ran over
};

// Seconds of work for this answer; what several questions share counts once, on the first.
struct Timing {
  double decode = 0;
  double vision = 0;
  double prefill = 0;
  double generation = 0;
  double first_token = 0;  // from the start of the work to the first generated token
  double total = 0;
};

// What the model said of one of several windows, which lasts from..to, seconds on the timeline.
struct WindowWords {
  double from = 0, to = 0;
  std::string text;
};

// How many times as much the question attends to a slot as no question does.
struct CurvePoint {
  double time = 0;  // of the slot, seconds on the timeline
  double value = 0;
};

struct Answer {
  std::string question;
  Language language = Language::kEnglish;  // of the question: notes and stand-in words follow it
  std::string response;                    // the model's own words, thoughts apart
  std::vector<Event> events;               // ordered by start
  std::vector<Event> rejected;             // found, but not believed; the surest first
  std::vector<WindowWords> windows;        // in which something was found; not in the JSON
  std::vector<CurvePoint> curve;           // [slots]; empty without heads to read
  std::optional<double> presence;          // that anything of it occurs; see confidence.h
  bool absent = false;
  bool unparsed = false;
  std::string reasoning;
  std::string reasoning_source;  // "model", "evidence", or empty when there is no reasoning
  bool explained = false;        // the reasoning was asked for: text shows it
  std::vector<Note> notes;
  std::string model;  // name of the checkpoint directory
  VideoSummary video;
  SamplingSummary sampling;
  Usage usage;
  Reuse reuse;
  Timing timing;
  std::vector<GeneratedToken> tokens;  // only when log-probabilities were asked for
};

// Fills response, reasoning, events, absent, unparsed and notes of `answer` from the text that
// the model generated, and the events' confidence from `tokens` (may be empty). Uses the
// question, its language, video.duration and what `sampling` says of the window (to == 0: it is the
// whole video) and of the clock, which must be set. Events come on the timeline of the file.
// A response without a word, such as "[]", becomes a sentence in the question's language.
void read_answer(Answer& answer, std::string_view generated, bool starts_in_thought,
                 std::span<const GeneratedToken> tokens);

// The keys and their order are those of docs/formats.md.
nlohmann::ordered_json answer_json(const Answer& answer, TimeFormat time_format);

// Parts of it that other outputs share.
// "events": the confidence of an event that has none is null.
nlohmann::ordered_json events_json(std::span<const Event> events, TimeFormat time_format,
                                   double frame_rate);
// "timestamp_range": from the first start to the last end. There has to be an event.
nlohmann::ordered_json timestamp_range_json(std::span<const Event> events, TimeFormat time_format,
                                            double frame_rate);
nlohmann::ordered_json notes_json(std::span<const Note> notes, Language language);
nlohmann::ordered_json usage_json(const Usage& usage);
void add_reuse(nlohmann::ordered_json& json, const Reuse& reuse);  // "reused", "encoded_slots"
nlohmann::ordered_json timing_json(const Timing& timing);
nlohmann::ordered_json tokens_json(std::span<const GeneratedToken> tokens);

// All answers as one document, ending in a line break. JSON: an object for one answer, an array for
// several.
std::string format_text(std::span<const Answer> answers, TimeFormat time_format);
std::string format_json(std::span<const Answer> answers, TimeFormat time_format);

}  // namespace shijian::grounding
