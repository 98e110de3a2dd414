#include "engine/joined_answer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/answer_record.h"
#include "grounding/slot_stamps.h"
#include "localise/ordinal.h"

namespace shijian::engine {
namespace {

bool counts_events(grounding::NoteCode code) {
  return code == grounding::NoteCode::kReversed || code == grounding::NoteCode::kClamped ||
         code == grounding::NoteCode::kOutsideClip || code == grounding::NoteCode::kMerged;
}

// Adds what a later window saw to the first one's answer, its events and words apart.
void add_window(const grounding::Answer& seen, grounding::Answer& all) {
  add_costs(seen, all);
  const grounding::SamplingSummary& from = seen.sampling;
  grounding::SamplingSummary& to = all.sampling;
  to.to = from.to;
  to.slots += from.slots;
  to.times.insert(to.times.end(), from.times.begin(), from.times.end());
  // Where windows overlap, the gaps are those of either.
  const double last = to.slot_times.empty() ? -1 : to.slot_times.back();
  std::copy_if(from.slot_times.begin(), from.slot_times.end(), std::back_inserter(to.slot_times),
               [&](double time) { return time > last; });
  const double seen_to = all.curve.empty() ? -1 : all.curve.back().time;
  std::copy_if(seen.curve.begin(), seen.curve.end(), std::back_inserter(all.curve),
               [&](const grounding::CurvePoint& point) { return point.time > seen_to; });
  to.plan.insert(to.plan.end(), from.plan.begin(), from.plan.end());
  all.absent = all.absent && seen.absent;
  all.tokens.insert(all.tokens.end(), seen.tokens.begin(), seen.tokens.end());
  for (const grounding::Note& note : seen.notes) {
    const auto same = std::find_if(all.notes.begin(), all.notes.end(),
                                   [&](const auto& other) { return other.code == note.code; });
    if (same == all.notes.end()) {
      all.notes.push_back(note);
    } else if (counts_events(note.code)) {
      same->count += note.count;
    }
  }
}

// What two windows share was seen twice and counts once.
void settle_times(grounding::SamplingSummary& sampling) {
  std::sort(sampling.times.begin(), sampling.times.end());
  const auto repeated = std::unique(sampling.times.begin(), sampling.times.end());
  sampling.times.erase(repeated, sampling.times.end());
  sampling.frames = static_cast<int>(sampling.times.size());
  sampling.fps = sampling.frames / (sampling.to - sampling.from);
}

}  // namespace

JoinedAnswer::JoinedAnswer(const std::string& question)
    : question_(question), plain_(localise::read_ordinal(question).plain) {}

void JoinedAnswer::add(grounding::Answer seen) {
  const grounding::SamplingSummary& sampling = seen.sampling;
  windows_.push_back({{sampling.from, sampling.to},
                      seen.events,
                      grounding::slot_gap(sampling.slot_times, sampling.from)});
  if (!seen.events.empty() || seen.unparsed) {
    words_.push_back({sampling.from, sampling.to, seen.response});
  }
  if (windows_.size() == 1) {
    answer_ = std::move(seen);
  } else {
    add_window(seen, answer_);
  }
}

grounding::Answer JoinedAnswer::take() {
  answer_.question = question_;
  answer_.events = localise::join(windows_);
  for (grounding::Event& event : answer_.events) {
    if (event.label == plain_) event.label = question_;
  }
  settle_times(answer_.sampling);
  answer_.sampling.windows = static_cast<int>(windows_.size());
  answer_.unparsed = answer_.events.empty() && !answer_.absent;
  answer_.windows = std::move(words_);
  // They say of one window what is not so of the whole, or what stands in the words.
  std::erase_if(answer_.notes, [&](const grounding::Note& note) {
    return note.code == grounding::NoteCode::kWindowClock ||
           (note.code == grounding::NoteCode::kAbsent && !answer_.absent) ||
           (note.code == grounding::NoteCode::kUnparsed && !answer_.unparsed);
  });
  answer_.notes.push_back({grounding::NoteCode::kWindows, static_cast<int>(windows_.size())});
  return std::move(answer_);
}

}  // namespace shijian::engine
