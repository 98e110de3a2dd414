// From times as written to events that can be true of the clip, with a note for each mend.

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <unordered_map>

#include "base/utf8.h"
#include "grounding/answer.h"
#include "grounding/answer_parts.h"

namespace shijian::grounding {

namespace {

constexpr size_t kMaxEvents = 10000;
constexpr size_t kMaxLabel = 200;  // characters, then "…"
// Models write tenths of a second: an end this far past the clip's is only rounding.
constexpr double kRounding = 0.1;

void add_note(ParsedAnswer& answer, NoteCode code, int count = 1) {
  for (Note& note : answer.notes) {
    if (note.code == code) {
      note.count += count;
      return;
    }
  }
  answer.notes.push_back({code, count});
}

bool finite(const RawEvent& event) {
  return std::isfinite(event.start.seconds) && std::isfinite(event.end.seconds);
}

// "02:50 - 05:10" in a clip of ten seconds: the model meant 2.50 - 5.10. Only when every event
// reaches beyond the clip as written and none does when read so.
bool should_reread(const std::vector<RawEvent>& events, double from, double to) {
  const auto beyond = [&](const RawTime& time) { return time.seconds > to + 1; };
  const auto fits = [&](const RawTime& time) {
    return time.clock && time.reread >= from && time.reread <= to + 0.5;
  };
  return !events.empty() && to > 0 &&
         std::all_of(events.begin(), events.end(), [&](const RawEvent& event) {
           return (beyond(event.start) || beyond(event.end)) && fits(event.start) &&
                  fits(event.end);
         });
}

// Drops what a sentence denies. "The dog does not appear in the 0 - 24 s of the video" names no
// event; "the ball does not go in, seen from 3 to 5 s" may: kept when it is all there is and
// does not cover the clip.
void drop_denied(std::vector<RawEvent>& events, double duration, ParsedAnswer& answer) {
  const size_t denied = std::count_if(events.begin(), events.end(),
                                      [](const RawEvent& event) { return event.denied; });
  if (denied == 0) return;
  double covered = 0;
  for (const RawEvent& event : events) {
    if (event.denied) covered += std::abs(event.end.seconds - event.start.seconds);
  }
  if (denied < events.size() || covered >= 0.8 * duration) {
    std::erase_if(events, [](const RawEvent& event) { return event.denied; });
  } else {
    add_note(answer, NoteCode::kUnlikelyDenial);
  }
}

std::string clean_label(const std::string& label) {
  std::string out;
  bool gap = false;
  size_t count = 0;
  const std::string valid = to_valid_utf8(label);
  for (size_t at = 0; at < valid.size();) {
    const Utf8Char c = read_utf8(valid, at);
    if (count == kMaxLabel) return out + "…";
    if (is_space(c.code) || c.code < 0x20 || c.code == 0x7F) {
      gap = !out.empty();
    } else {
      if (gap) out.push_back(' ');
      gap = false;
      out.append(valid, at, c.size);
      ++count;
    }
    at += c.size;
  }
  return out;
}

// At least five intervals of one length at one distance, over more than 60% of the clip.
bool is_uniform(const std::vector<Event>& events, double duration) {
  const size_t count = events.size();
  if (count < 5) return false;
  const double length = events[0].end - events[0].start;
  const double step = events[1].start - events[0].start;
  if (length <= 0 || step <= 0) return false;
  const double tolerance = std::max(0.02 * step, 0.051);
  // The last interval often ends early, with the clip.
  for (size_t i = 0; i < count; ++i) {
    if (i > 0 && std::abs(events[i].start - events[i - 1].start - step) > tolerance) return false;
    const double own = events[i].end - events[i].start;
    if (std::abs(own - length) > tolerance && (i + 1 < count || own > length)) return false;
  }
  return events.back().end - events.front().start > 0.6 * duration;
}

void merge_events(std::vector<Event>& events, ParsedAnswer& answer) {
  std::unordered_map<std::string, size_t> last_of_label;
  std::vector<Event> merged;
  for (Event& event : events) {
    const auto found = last_of_label.find(event.label);
    if (found != last_of_label.end()) {
      Event& last = merged[found->second];
      const bool same = event.start == last.start && event.end == last.end;
      const bool moment_inside = event.start == event.end && event.start <= last.end;
      if (same || moment_inside || event.start < last.end) {
        if (event.end > last.end) {
          last.end = event.end;
          last.end_range = event.end_range;
        }
        add_note(answer, NoteCode::kMerged);
        continue;
      }
    }
    last_of_label[event.label] = merged.size();
    merged.push_back(std::move(event));
  }
  events = std::move(merged);
}

}  // namespace

bool ends_in_repetition(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.remove_suffix(1);
  constexpr size_t kShortest = 3, kLongest = 2000, kCopies = 4, kBytes = 40;
  // Prefix function of the reversed tail: its last period tells whether the tail repeats. The
  // final copy may be cut, which a period does not mind. A short tail is tried first, so that a
  // long honest beginning does not hide a short loop.
  for (size_t tail : {size_t{64}, size_t{256}, size_t{1024}, kLongest * kCopies}) {
    const size_t size = std::min(tail, text.size());
    if (size < kBytes) return false;
    const std::string_view end = text.substr(text.size() - size);
    std::vector<size_t> prefix(size, 0);
    for (size_t i = 1, k = 0; i < size; ++i) {
      const char c = end[size - 1 - i];
      while (k > 0 && c != end[size - 1 - k]) k = prefix[k - 1];
      if (c == end[size - 1 - k]) ++k;
      prefix[i] = k;
    }
    for (size_t i = kBytes; i <= size; ++i) {
      const size_t period = i - prefix[i - 1];
      if (period >= kShortest && period <= kLongest && i >= period * kCopies) return true;
    }
    if (size == text.size()) break;
  }
  return false;
}

void mend_events(Findings found, const AnswerOptions& options, ParsedAnswer& answer) {
  const double to = std::isfinite(options.to) && options.to > 0 ? options.to : 0;
  const double from = std::isfinite(options.from) ? std::clamp(options.from, 0.0, to) : 0;
  const double duration = to - from;
  if (found.truncated) {
    add_note(answer, NoteCode::kTruncated);
  } else if (found.malformed) {
    add_note(answer, NoteCode::kMalformed);
  }
  std::vector<RawEvent>& raw = found.events;
  std::erase_if(raw, [](const RawEvent& event) { return !finite(event); });
  drop_denied(raw, duration, answer);
  if (raw.empty()) return;
  if (should_reread(raw, from, to)) {
    for (RawEvent& event : raw) {
      event.start.seconds = event.start.reread;
      event.end.seconds = event.end.reread;
    }
    add_note(answer, NoteCode::kClockReread);
  }
  if (raw.size() == 1 && !raw[0].moment && raw[0].start.seconds == 0 && raw[0].end.seconds == 0) {
    answer.absent = true;
    add_note(answer, NoteCode::kZeroSpan);
    return;
  }

  const std::string default_label = clean_label(options.default_label);
  std::map<std::tuple<double, double, std::string>, size_t> copies;
  size_t most_copies = 0;
  // Rounding may put a time before a part of a clip, but not before a clip's 0.
  const double early = from > 0 ? from - kRounding : 0;
  for (RawEvent& said : raw) {
    if (said.start.seconds > said.end.seconds) {
      std::swap(said.start, said.end);
      add_note(answer, NoteCode::kReversed);
    }
    Event event;
    event.start = said.start.seconds;
    event.end = said.end.seconds;
    event.start_range = said.start.text;
    event.end_range = said.end.text;
    const bool before = said.moment || from == 0 ? event.end < early : event.end <= from;
    const bool beyond =
        said.moment ? event.start > to + kRounding : event.start >= to && event.start > 0;
    if (before || beyond) {
      add_note(answer, NoteCode::kOutsideClip);
      continue;
    }
    if (event.start < early || event.end > to + kRounding) add_note(answer, NoteCode::kClamped);
    event.start = std::clamp(event.start, from, to);
    event.end = std::clamp(event.end, from, to);
    event.label = clean_label(said.label);
    if (event.label.empty()) event.label = default_label;
    most_copies = std::max(most_copies, ++copies[{event.start, event.end, event.label}]);
    answer.events.push_back(std::move(event));
  }

  std::stable_sort(answer.events.begin(), answer.events.end(), [](const Event& a, const Event& b) {
    return std::tie(a.start, a.end) < std::tie(b.start, b.end);
  });
  if (is_uniform(answer.events, duration)) {
    add_note(answer, NoteCode::kUniformTimeline, static_cast<int>(answer.events.size()));
    answer.trust = std::min(answer.trust, 0.1);
  }
  if (most_copies >= 4) {
    add_note(answer, NoteCode::kRepetition);
    answer.trust = std::min(answer.trust, 0.5);
  }
  merge_events(answer.events, answer);
  if (answer.events.size() > kMaxEvents || found.too_many) {
    answer.events.resize(std::min(answer.events.size(), kMaxEvents));
    add_note(answer, NoteCode::kTooMany, static_cast<int>(answer.events.size()));
  }
}

}  // namespace shijian::grounding
