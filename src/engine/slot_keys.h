// Names of temporal slots, by what the vision encoder sees in them: equal names, equal features.
//
// A slot's name is a hash of the file's content, the exact numbers and presentation times of its
// frames, their size, the numbers of the processor and the versions of what makes pixels. It says
// nothing of the request that the slot is part of, nor of the moments at which its frames are
// looked at: other requests find it again, and slots that show the same frames have one name.
//
// Slots are stored in chunks of neighbours, and for that a request's slots are placed on a lattice.
// A plan spreads n frames evenly from `first` to `last`: frame i lies near first + i * p / q, with
// p / q = (last - first) / (n - 1) in lowest terms, and so a slot begins every temporal * p / q
// frames. In units of 1 / q frame, slot k begins at first * q + k * temporal * p; the remainder of
// first * q by temporal * p is the phase of the sampling, the quotient the place of slot 0. All
// requests with one step and one phase share a lattice, and a window that is moved by whole slots
// or made longer gives what overlaps the same places. Chunks begin at multiples of their length on
// the lattice, never where a request happens to begin. (The reference spreads frames from the first
// to the last of a window: two windows share a lattice when their steps are equal, such as windows
// of equal length, windows that take every frame, or frames counted so that the step is whole.)
// Where the rate is variable, moments are spread in time: the same in microseconds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/media.h"

namespace shijian::engine {

struct SlotKeys {
  std::vector<std::string> slots;  // [slots] names
  std::string lattice;             // names content, settings, step and phase
  int64_t first = 0;               // place of slot 0 on the lattice
  bool last_repeats = false;       // the last slot is filled up with its own last frame
};

// `content` is the hash of the file that `media` was planned from.
SlotKeys slot_keys(const Media& media, const MediaSettings& settings, const std::string& content);

// Names that hold within one request alone: slot k of medium `index`.
SlotKeys local_slot_keys(const Media& media, size_t index);

}  // namespace shijian::engine
