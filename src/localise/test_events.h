// Tests alone.
#pragma once

#include "grounding/event.h"

namespace shijian::localise {

inline grounding::Event event_of(double start, double end, double uncertainty = 0.3) {
  grounding::Event event;
  event.start = start;
  event.end = end;
  event.start_uncertainty = event.end_uncertainty = uncertainty;
  return event;
}

}  // namespace shijian::localise
