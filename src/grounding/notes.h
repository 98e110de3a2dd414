// What was mended in an answer, in words that the reader of the answer understands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "grounding/prompt.h"

namespace shijian::grounding {

enum class NoteCode {
  kAbsent,             // the model says that the event does not occur
  kUnparsed,           // no time and no denial was found in the model's words
  kReversed,           // an interval's end stood before its start; swapped
  kClamped,            // an interval reached past an end of what was looked at; cut there
  kOutsideClip,        // an event lay wholly outside what was looked at; dropped
  kMerged,             // duplicates, or overlapping events of one label, became one
  kRepetition,         // the model repeated itself without end
  kUniformTimeline,    // evenly spaced intervals over the clip: probably made up
  kMalformed,          // brackets, quotes or commas were missing
  kTruncated,          // the answer stops in the middle; its last, unfinished event is left out
  kClockReread,        // clock times beyond the clip were read one unit smaller
  kZeroSpan,           // the only answer was the empty interval 0 - 0: taken as a denial
  kUnlikelyDenial,     // times stand in a sentence that denies the event; kept
  kTooMany,            // more events than an answer lists; the rest is left out
  kUnfinishedThought,  // the model was still thinking when its answer ended
  kLengthLimit,        // the answer ends because it may not be longer
  kNoReasoning,        // reasoning was asked for, and the model gave none
  kSamplingRate,       // fewer frames a second were asked for than the model was trained on
  kFewFrames,          // the video itself has fewer frames a second than that
  kFrameLimit,         // the largest number of frames allows fewer a second than the rate
  kDamaged,            // parts of the video file could not be read
  kClockJumps,         // the file's clock jumps or stands; times count on from frame to frame
  kWindowCut,          // the part that was asked about reaches past the end of the clip
  kOtherFile,          // another file is joined to this one, which was not looked at
  kOtherStreams,       // the file holds further video streams, which were not looked at
  kWindows,            // the video was looked at in parts, one after the other
  kCoarse,             // some parts were only looked at coarsely: the budget was spent elsewhere
  kContradiction,      // asked why, the model no longer says that it happens
  kAskedAgain,         // the answer was made up; the question was asked again in another style
  kWindowClock,        // the model's own words count from the start of the part asked about
};

struct Note {
  NoteCode code;
  // How many events, where it applies; kSamplingRate and kFewFrames: the rate that the model knows;
  // kFrameLimit: frames that were seen; kLengthLimit: tokens; kTooMany: events that are listed;
  // kWindows, kCoarse: parts.
  int count = 1;
  // kWindowCut: where the clip ends; kWindowClock: where the part begins; kFrameLimit: how long a
  // part may be to be seen at the rate; kClockJumps: the first of them; kOtherStreams: the stream
  // that was looked at.
  double seconds = 0;
  double rate = 0;  // kFrameLimit: frames a second that should have been seen
  double seen = 0;  // kFrameLimit: and that were; kCoarse: that were seen there
};

std::string_view note_code_name(NoteCode code);  // stable, for machines: "outside_clip"
std::string note_text(const Note& note, Language language);

}  // namespace shijian::grounding
