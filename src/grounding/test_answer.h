// Tests alone: an answer with two events, the second of them a moment at the end of the clip.
#pragma once

#include "grounding/output.h"

namespace shijian::grounding {

inline Answer sample_answer() {
  Answer answer;
  answer.question = "When does the dog jump?";
  answer.response = "It jumps twice.";
  answer.model = "nano";
  answer.video.path = "clip.mp4";
  answer.video.duration = 30;
  answer.video.frame_rate = 25;
  Event first;
  first.start = 1.2345678;
  first.end = 3.1;
  first.label = "jump";
  first.confidence = 0.87654;
  Event second;
  second.start = second.end = 29.96;
  second.label = "jump again";
  answer.events = {first, second};
  return answer;
}

}  // namespace shijian::grounding
