#include "engine/windowed_look.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include "engine/answer_record.h"
#include "engine/look.h"
#include "engine/media_notes.h"
#include "engine/planned_media.h"
#include "grounding/slot_stamps.h"
#include "localise/ordinal.h"
#include "localise/windows.h"
#include "video/scan.h"

namespace shijian::engine {
namespace {

constexpr double kOverlapShare = 1.0 / 6;  // of a window
constexpr int kPictures = 32;              // frames that stand for the video where they are wanted

double part_start(const LocateRequest& request, const video::VideoInfo& info) {
  return std::max(request.sampling.from.value_or(0), info.start_time);
}
double part_end(const LocateRequest& request, const video::VideoInfo& info) {
  return std::min(request.sampling.to.value_or(info.duration), info.duration);
}

std::vector<double> shot_starts(const video::VideoScan& scan, const video::VideoInfo& info) {
  std::vector<double> starts;
  for (const int64_t frame : scan.cuts) starts.push_back(info.frame_time(frame));
  return starts;
}

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

// One question's answers, window after window.
class Joined {
 public:
  explicit Joined(const std::string& question)
      : question_(question), plain_(localise::read_ordinal(question).plain) {}

  const std::string& plain() const { return plain_; }  // as each window is asked

  void add(grounding::Answer seen) {
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

  grounding::Answer take() {
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

 private:
  const std::string question_;
  const std::string plain_;
  std::vector<localise::WindowEvents> windows_;
  std::vector<grounding::WindowWords> words_;
  grounding::Answer answer_;
};

// The video, and a few of its pictures where they are wanted.
Media pictures_of(const LocateRequest& request, const MediaFile& video, LoadedModel& model,
                  const std::stop_token& cancel) {
  const MediaSettings& settings = model.media_settings();
  SamplingRequest sampling = request.sampling;
  sampling.adaptive = false;
  sampling.fps.reset();
  sampling.frames = kPictures;
  Media media = plan_media(video, sampling, settings, model.pool(), cancel);
  if (request.keep_frames) {
    std::vector<int64_t> slots(static_cast<size_t>(media.slots));
    std::iota(slots.begin(), slots.end(), 0);
    load_slots(media, slots, settings, model.pool(), cancel, {});
  }
  return media;
}

}  // namespace

double window_seconds(const LocateRequest& request, const video::VideoInfo& info,
                      const LoadedModel& model) {
  const SamplingRequest& sampling = request.sampling;
  if (sampling.frames || sampling.max_frames) return 0;
  const double longest = model.media_settings().profile.window_seconds;
  return part_end(request, info) - part_start(request, info) > longest ? longest : 0;
}

LocateResult look_in_windows(EngineState& state, const LocateRequest& request,
                             const MediaFile& video, const RunHooks& hooks) {
  const video::VideoInfo& info = *video.known;
  const double longest = window_seconds(request, info, state.model);
  MediaFile scanned = video;
  add_scan(scanned, state, hooks.cancel);
  const std::vector<localise::Window> windows =
      localise::split(part_start(request, info), part_end(request, info), longest,
                      kOverlapShare * longest, shot_starts(*scanned.scan, info));
  LocateRequest part = request;
  part.keep_frames = false;
  RunHooks quiet;
  quiet.cancel = hooks.cancel;
  std::vector<Joined> joined;
  part.questions.clear();
  for (const std::string& question : request.questions) {
    joined.emplace_back(question);
    part.questions.push_back(joined.back().plain());
  }
  for (size_t i = 0; i < windows.size(); ++i) {
    if (hooks.progress) {
      hooks.progress(
          {"searching", static_cast<int64_t>(i), static_cast<int64_t>(windows.size()), {}});
    }
    part.sampling.from = windows[i].from;
    part.sampling.to = windows[i].to;
    LocateResult seen = look(state, part, scanned, quiet);
    for (size_t q = 0; q < joined.size(); ++q) joined[q].add(std::move(seen.answers[q]));
  }
  LocateResult result;
  for (Joined& one : joined) {
    result.answers.push_back(one.take());
    if (const auto note = window_cut(info, request.sampling)) {
      result.answers.back().notes.push_back(*note);
    }
  }
  result.media = pictures_of(request, scanned, state.model, hooks.cancel);
  return result;
}

}  // namespace shijian::engine
