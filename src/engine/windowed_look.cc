#include "engine/windowed_look.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>
#include <utility>

#include "engine/answer_record.h"
#include "engine/joined_answer.h"
#include "engine/look.h"
#include "engine/media_notes.h"
#include "engine/planned_media.h"
#include "localise/search.h"
#include "localise/windows.h"
#include "video/scan.h"

namespace shijian::engine {
namespace {

constexpr double kOverlapShare = 1.0 / 6;  // of a window
constexpr int kPictures = 32;              // frames that stand for the video where they are wanted
constexpr double kLowestShare = 1.0 / 4;   // of the usual rate, in a coarse pass

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

// How likely an answer makes it that there is something to find in its window.
double likelihood(const grounding::Answer& answer) {
  if (answer.presence) return *answer.presence;
  double most = 0;
  for (const grounding::Event& event : answer.events) {
    most = std::max(most, event.confidence.value_or(1));
  }
  return most;
}

void mark_coarse(grounding::Answer& answer) {
  for (grounding::PlannedLook& planned : answer.sampling.plan) planned.reason = "coarse";
  // Nobody asked for the rate, and another note tells of it.
  std::erase_if(answer.notes, [](const grounding::Note& note) {
    return note.code == grounding::NoteCode::kSamplingRate;
  });
}

// Adds the coarse look at a window to the close one.
void add_earlier(const grounding::Answer& coarse, grounding::Answer& answer) {
  add_costs(coarse, answer);
  const std::vector<grounding::PlannedLook>& plan = coarse.sampling.plan;
  answer.sampling.plan.insert(answer.sampling.plan.begin(), plan.begin(), plan.end());
}

class WindowSearch {
 public:
  WindowSearch(EngineState& state, const LocateRequest& request, const MediaFile& video,
               const RunHooks& hooks)
      : state_(state), request_(request), video_(video), info_(*video.known), hooks_(hooks) {
    quiet_.cancel = hooks.cancel;
    usual_ = state.model.media_settings().sampling(request.sampling).fps;
    const double longest = window_seconds(request, info_, state.model);
    windows_ = localise::split(part_start(request, info_), part_end(request, info_), longest,
                               kOverlapShare * longest, shot_starts(*video.scan, info_));
    seen_.resize(windows_.size());
    part_ = request;
    part_.keep_frames = false;
    part_.questions.clear();
    for (const std::string& question : request.questions) {
      joined_.emplace_back(question);
      part_.questions.push_back(joined_.back().plain());
    }
  }

  LocateResult run() {
    // The first window tells what a frame costs.
    look_at(0, usual_);
    const localise::SearchOptions options{usual_, kLowestShare * usual_, frames_left()};
    const std::span<const localise::Window> rest = std::span(windows_).subspan(1);
    const std::vector<double> rates = localise::search(
        rest, options, [&](size_t window, double fps) { return look_at(window + 1, fps); });
    LocateResult result;
    for (size_t q = 0; q < joined_.size(); ++q) {
      for (std::vector<grounding::Answer>& answers : seen_) joined_[q].add(std::move(answers[q]));
      result.answers.push_back(joined_[q].take());
      add_notes(rates, result.answers.back());
    }
    result.media = pictures_of(request_, video_, state_.model, hooks_.cancel);
    return result;
  }

 private:
  // Returns how likely any of the questions is answered there.
  double look_at(size_t window, double fps) {
    const bool coarse = fps < usual_;
    if (hooks_.progress) {
      const auto total = static_cast<int64_t>(windows_.size());
      hooks_.progress({"searching", std::min(looks_, total - 1), total, {}});
    }
    ++looks_;
    part_.sampling.from = windows_[window].from;
    part_.sampling.to = windows_[window].to;
    part_.sampling.fps = request_.sampling.fps;
    part_.sampling.adaptive = request_.sampling.adaptive && !coarse;
    if (coarse) part_.sampling.fps = fps;
    LocateResult result = look(state_, part_, video_, quiet_);
    double likely = 0;
    for (size_t q = 0; q < result.answers.size(); ++q) {
      grounding::Answer& answer = result.answers[q];
      likely = std::max(likely, likelihood(answer));
      if (coarse) mark_coarse(answer);
      if (!seen_[window].empty()) add_earlier(seen_[window][q], answer);
    }
    seen_[window] = std::move(result.answers);
    return likely;
  }

  // Frames that the budget leaves after the first window.
  double frames_left() const {
    const grounding::Answer& first = seen_.front().front();
    double frames = std::numeric_limits<double>::infinity();
    const double seen = first.sampling.frames;
    if (request_.budget.tokens) {
      const auto tokens = static_cast<double>(first.usage.vision_tokens);
      frames = std::min(frames, static_cast<double>(*request_.budget.tokens) * seen / tokens);
    }
    if (request_.budget.seconds) {
      double seconds = 0;
      for (const grounding::Answer& answer : seen_.front()) seconds += answer.timing.total;
      frames = std::min(frames, *request_.budget.seconds * seen / seconds);
    }
    return std::max(0.0, frames - seen);
  }

  void add_notes(std::span<const double> rates, grounding::Answer& answer) const {
    const auto coarse =
        std::count_if(rates.begin(), rates.end(), [&](double rate) { return rate < usual_; });
    if (coarse > 0) {
      grounding::Note note{grounding::NoteCode::kCoarse, static_cast<int>(coarse)};
      note.seen = *std::min_element(rates.begin(), rates.end());
      answer.notes.push_back(note);
    }
    if (const auto note = window_cut(info_, request_.sampling)) answer.notes.push_back(*note);
  }

  EngineState& state_;
  const LocateRequest& request_;
  const MediaFile& video_;
  const video::VideoInfo& info_;
  const RunHooks& hooks_;
  RunHooks quiet_;
  double usual_ = 0;  // frames a second of a close look
  std::vector<localise::Window> windows_;
  LocateRequest part_;
  std::vector<JoinedAnswer> joined_;                  // [questions]
  std::vector<std::vector<grounding::Answer>> seen_;  // [windows][questions]
  int64_t looks_ = 0;
};

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
  MediaFile scanned = video;
  add_scan(scanned, state, hooks.cancel);
  return WindowSearch(state, request, scanned, hooks).run();
}

}  // namespace shijian::engine
