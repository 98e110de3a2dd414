#include "engine/media_notes.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace shijian::engine {
namespace {

// Seconds that a time may lie past the end of a clip because it was rounded.
constexpr double kRounding = 0.1;
// Fraction of the trained frame rate from which on a video counts as sampled often enough.
constexpr double kSufficientRateShare = 0.75;

// Whether a video was looked at less often than `known`, the rate that the model was trained on.
std::optional<grounding::Note> rate_note(const Media& video, const video::SamplingOptions& sampled,
                                         const SamplingRequest& asked,
                                         std::optional<double> known) {
  const double seen = rate_seen(video);
  if (video.plan.limited) {
    return grounding::Note{grounding::NoteCode::kFrameLimit,
                           static_cast<int>(video.plan.indices.size()),
                           sampled.max_frames / sampled.fps, sampled.fps, seen};
  }
  if (!known || !video.given.empty() || seen >= kSufficientRateShare * *known) return std::nullopt;
  const bool by_request = asked.frames || (asked.fps && *asked.fps < kSufficientRateShare * *known);
  return grounding::Note{
      by_request ? grounding::NoteCode::kSamplingRate : grounding::NoteCode::kFewFrames,
      static_cast<int>(std::lround(*known))};
}

// Of a video's file and the window in it.
void add_file_notes(const Media& m, const SamplingRequest& asked,
                    std::vector<grounding::Note>& notes) {
  if (const auto& jumps = m.video.clock_jumps; !jumps.empty()) {
    notes.push_back(
        {grounding::NoteCode::kClockJumps, static_cast<int>(jumps.size()), jumps.front().time});
  }
  if (m.video.followed) notes.push_back({grounding::NoteCode::kOtherFile});
  if (m.plan.clock_start > 0) {
    notes.push_back({grounding::NoteCode::kWindowClock, 1, m.plan.clock_start});
  }
  if (const auto note = window_cut(m.video, asked)) notes.push_back(*note);
  if (m.video.video_streams() > 1) {
    notes.push_back({grounding::NoteCode::kOtherStreams, static_cast<int>(m.video.video_streams()),
                     static_cast<double>(m.video.stream)});
  }
}

}  // namespace

std::optional<grounding::Note> window_cut(const video::VideoInfo& info,
                                          const SamplingRequest& asked) {
  if (asked.to.value_or(0) <= info.duration + kRounding) return std::nullopt;
  return grounding::Note{grounding::NoteCode::kWindowCut, 1, info.duration};
}

double rate_seen(const Media& video) {
  const double seconds = video.plan.to - video.plan.from;
  return seconds > 0 ? static_cast<double>(video.plan.indices.size()) / seconds : 0;
}

std::vector<grounding::Note> media_notes(const PlannedMedia& planned,
                                         const MediaSettings& settings) {
  std::vector<grounding::Note> notes;
  if (planned.damaged) notes.push_back({grounding::NoteCode::kDamaged});
  for (size_t i = 0; i < planned.media.size(); ++i) {
    const Media& m = planned.media[i];
    const SamplingRequest& asked = planned.asked[i];
    if (m.is_image) continue;
    if (const auto note = rate_note(m, settings.sampling(asked), asked, settings.profile.fps)) {
      notes.push_back(*note);
    }
    // Given frames have no window and no file.
    if (m.given.empty()) add_file_notes(m, asked, notes);
  }
  return notes;
}

}  // namespace shijian::engine
