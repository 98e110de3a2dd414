// What was mended in an answer, in words that the reader of the answer understands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "grounding/prompt.h"

namespace shijian {

enum class NoteCode {
  kAbsent,             // the model says that the event does not occur
  kUnparsed,           // no time and no denial was found in the model's words
  kReversed,           // an interval's end stood before its start; swapped
  kClamped,            // an interval reached past an end of the clip; cut there
  kOutsideClip,        // an event lay wholly outside the clip; dropped
  kMerged,             // duplicates, or overlapping events of one label, became one
  kRepetition,         // the model repeated itself without end
  kUniformTimeline,    // evenly spaced intervals over the clip: probably made up
  kMalformed,          // brackets, quotes or commas were missing
  kTruncated,          // the answer stops in the middle; its last, unfinished event is left out
  kClockReread,        // clock times beyond the clip were read one unit smaller
  kZeroSpan,           // the only answer was the empty interval 0 - 0: taken as a denial
  kUnlikelyDenial,     // times stand in a sentence that denies the event; kept
  kTooMany,            // more events than one answer can carry; the rest is left out
  kUnfinishedThought,  // the model was still thinking when its answer ended
  kSamplingRate,       // fewer frames a second were seen than the model was trained on
  kDamaged,            // parts of the video file could not be read
  kWindowCut,          // the part that was asked about reaches past the end of the clip
};

struct Note {
  NoteCode code;
  int count = 1;       // how many events, where it applies; kSamplingRate: that rate
  double seconds = 0;  // kWindowCut: where the clip ends
};

std::string_view note_code_name(NoteCode code);  // stable, for machines: "outside_clip"
std::string note_text(const Note& note, Language language);

}  // namespace shijian
