// An event: when something happens in a video, and how sure the model was of it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace shijian::grounding {

// Bytes [begin, end) of the text that the model wrote. Empty: nothing there says it in so many
// words ("until the end of the video").
struct TextRange {
  size_t begin = 0;
  size_t end = 0;
  bool empty() const { return begin >= end; }
};

// What its confidence rests on.
struct Evidence {
  // Geometric mean of the probabilities of the digits of both times: how sure the model was of
  // them.
  double times = 0;
  // How likely it found that there is such an event at all: the geometric mean over all looks at
  // it. Empty where the answer's form leaves that open.
  std::optional<double> presence;
  int looks = 1;     // at the event
  double trust = 1;  // below 1 where the answer looks made up: no confidence is higher
  // How well the time that the question attends to agrees with the event's: intersection over
  // union. Empty without heads to read (calibration.h).
  std::optional<double> agreement = {};
};

// 0 <= start <= end <= duration of the clip, in seconds on the timeline that a player shows;
// start == end is a moment.
struct Event {
  double start = 0;
  double end = 0;
  std::string label;      // UTF-8, one line; may be empty
  TextRange start_range;  // where the model wrote the two times: digits, marks and units
  TextRange end_range;
  std::optional<double> confidence;  // 0 to 1; empty without token probabilities
  std::optional<Evidence> evidence;  // likewise
  // Seconds: with a probability of 90% the true boundary lies no farther away.
  std::optional<double> start_uncertainty;
  std::optional<double> end_uncertainty;
};

}  // namespace shijian::grounding
