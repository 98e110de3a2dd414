#include "engine/looks.h"

#include "engine/media_notes.h"

namespace shijian::engine {

std::vector<grounding::PlannedLook> first_looks(const Media& video) {
  const video::FramePlan& plan = video.plan;
  const video::VideoInfo& info = video.video;
  if (plan.spans.empty()) return {{plan.from, plan.to, rate_seen(video), "whole"}};
  std::vector<grounding::PlannedLook> looks;
  for (const video::RateSpan& span : plan.spans) {
    const bool last = span.last + 1 >= info.frame_count;
    looks.push_back({info.frame_time(span.first),
                     last ? info.duration : info.frame_time(span.last + 1), span.fps,
                     span.busy ? "busy" : "still"});
  }
  return looks;
}

}  // namespace shijian::engine
