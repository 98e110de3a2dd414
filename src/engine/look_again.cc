#include "engine/look_again.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "base/time_code.h"
#include "engine/looker.h"
#include "grounding/answer.h"
#include "grounding/calibration.h"
#include "grounding/slot_stamps.h"
#include "localise/ordinal.h"
#include "localise/rest.h"
#include "localise/verify.h"
#include "localise/windows.h"
#include "localise/zoom.h"

namespace shijian::engine {
namespace {

using grounding::Answer;
using grounding::Event;

constexpr double kLikely = 0.5;  // from there on an event is more likely right than wrong

double start_of(const Answer& answer, const video::VideoInfo& info) {
  return std::max(answer.sampling.from, info.start_time);
}

void verify_events(std::vector<Event>& events, Answer& answer, const video::VideoInfo& info,
                   double longest, bool twice, Looker& looker) {
  localise::VerifyOptions options;
  options.start = start_of(answer, info);
  options.end = answer.sampling.to;
  options.frame_rate = info.frame_rate.value();
  options.usual_fps = looker.usual_fps();
  options.longest = longest;
  options.twice = twice;
  localise::verify(events, options,
                   [&](const localise::Look& part) { return looker.check(part, answer); });
}

// Without a calibration, as likely as it is there and its times are these.
double confidence_of(const grounding::Evidence& evidence, int windows, bool surest,
                     const std::optional<grounding::Calibration>& calibration) {
  if (calibration) return calibrated_confidence(*calibration, evidence, windows, surest);
  return std::min(evidence.times * evidence.presence.value_or(1), evidence.trust);
}

void set_confidences(Answer& answer, const std::optional<grounding::Calibration>& calibration) {
  const Event* surest = grounding::surest_event(answer.events);
  for (Event& event : answer.events) {
    if (!event.evidence) continue;
    event.confidence =
        confidence_of(*event.evidence, answer.sampling.windows, &event == surest, calibration);
  }
}

// Only what was looked at more than once is rejected: the model's own word stands else.
void reject_unlikely(Answer& answer) {
  const auto likely = [](const Event& event) {
    return !event.evidence || event.evidence->looks < 2 || !event.confidence ||
           *event.confidence >= kLikely;
  };
  const auto unlikely = std::stable_partition(answer.events.begin(), answer.events.end(), likely);
  std::move(unlikely, answer.events.end(), std::back_inserter(answer.rejected));
  answer.events.erase(unlikely, answer.events.end());
  std::stable_sort(answer.rejected.begin(), answer.rejected.end(),
                   [](const Event& a, const Event& b) { return *a.confidence > *b.confidence; });
}

// What else there is in the windows in which something was found.
std::vector<Event> rest_of_windows(Answer& answer, const video::VideoInfo& info, Looker& looker) {
  localise::RestOptions options;
  options.frame_rate = info.frame_rate.value();
  options.usual_fps = looker.usual_fps();
  std::vector<localise::WindowEvents> found;
  for (const grounding::WindowWords& window : answer.windows) {
    options.gap = grounding::slot_gap(answer.sampling.slot_times, window.from);
    const localise::Window part{window.from, window.to};
    found.push_back({part,
                     localise::look_at_rest(
                         answer.events, part, options,
                         [&](const localise::Look& at) { return looker.look_at(at, answer); }),
                     options.gap});
  }
  // What two windows share is found twice.
  std::vector<Event> all = localise::join(found);
  std::erase_if(all, [&](const Event& event) {
    return std::any_of(answer.events.begin(), answer.events.end(), [&](const Event& known) {
      return event.start < known.end && event.end > known.start;
    });
  });
  for (Event& event : all) event.label = answer.question;
  return all;
}

void add_events(std::vector<Event> more, Answer& answer) {
  std::move(more.begin(), more.end(), std::back_inserter(answer.events));
  std::stable_sort(answer.events.begin(), answer.events.end(),
                   [](const Event& a, const Event& b) { return a.start < b.start; });
}

std::string time_text(double seconds) { return format_time(seconds, TimeFormat::kHoursMillis); }

// The model's words about the windows in which something stands, each behind the window's times.
std::string words_of(const Answer& answer) {
  std::string words;
  for (const grounding::WindowWords& window : answer.windows) {
    const bool stands = std::any_of(
        answer.events.begin(), answer.events.end(),
        [&](const Event& event) { return event.start <= window.to && event.end >= window.from; });
    if (!stands && !answer.unparsed) continue;
    words += fmt::format("{}[{} - {}] {}", words.empty() ? "" : "\n", time_text(window.from),
                         time_text(window.to), window.text);
  }
  return words;
}

void deny(Answer& answer) {
  answer.absent = true;
  answer.response = grounding::denial(answer.language);
  answer.notes.push_back({grounding::NoteCode::kAbsent});
}

void scale_uncertainties(Answer& answer, double factor) {
  for (Event& event : answer.events) {
    if (event.start_uncertainty) *event.start_uncertainty *= factor;
    if (event.end_uncertainty) *event.end_uncertainty *= factor;
  }
}

void zoom_in(Answer& answer, const video::VideoInfo& info, const LocateRequest& request,
             Looker& looker) {
  localise::ZoomOptions options;
  options.precision = request.precision;
  options.start = start_of(answer, info);
  options.end = answer.sampling.to;
  options.frame_rate = info.frame_rate.value();
  localise::zoom(answer.events, answer.sampling.slot_times, options,
                 [&](const localise::Look& part) { return looker.look_at(part, answer); });
}

}  // namespace

void look_again(EngineState& state, const LocateRequest& request, const MediaFile& video,
                const RunHooks& hooks, std::span<Answer> answers) {
  const ModelProfile& profile = state.model.media_settings().profile;
  const auto& calibration = state.model.calibration();
  std::optional<Looker> looker;
  if (request.effort != Effort::kLow) looker.emplace(state, request, video, hooks);
  for (Answer& answer : answers) {
    const bool in_windows = answer.sampling.windows > 1;
    const bool any = !answer.events.empty();
    const bool high = request.effort == Effort::kHigh;
    if (looker && (in_windows || high)) {
      verify_events(answer.events, answer, *video.known, profile.window_seconds, high, *looker);
    }
    set_confidences(answer, calibration);
    reject_unlikely(answer);
    if (looker && in_windows) {
      std::vector<Event> more = rest_of_windows(answer, *video.known, *looker);
      verify_events(more, answer, *video.known, profile.window_seconds, high, *looker);
      add_events(std::move(more), answer);
      set_confidences(answer, calibration);
      reject_unlikely(answer);
    }
    if (in_windows) localise::choose(answer.events, localise::read_ordinal(answer.question).which);
    if (in_windows && !answer.absent) answer.response = words_of(answer);
    if (any && answer.events.empty()) deny(answer);
    if (looker) zoom_in(answer, *video.known, request, *looker);
    if (calibration) scale_uncertainties(answer, calibration->uncertainty);
  }
}

}  // namespace shijian::engine
