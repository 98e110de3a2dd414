// Finds sizes, places and paths for the objects of a clip, so that they keep apart.
#pragma once

#include <vector>

#include "synth/random.h"
#include "synth/script.h"

namespace shijian::synth {

enum class Motion { kStill, kWander };

// Reads the objects already in the script; keeps references to both arguments.
// Each function appends one stay to an object that is not yet in the script, or returns false when
// no free place turns up.
class Stage {
 public:
  Stage(Random& random, const Script& script);

  // Sets the object's size; `small` asks for the least that is still legible.
  void set_size(Object* object, bool small);

  // The object is still, but for kWander inside the spans of `moving`.
  bool add_stay(Object* object, const Span& span, Motion motion, const std::vector<Span>& moving);
  // The object crosses the whole frame, from outside to outside.
  bool slide(Object* object, const Span& span);
  // The object comes to object `x_index` of the script, whose box it meets during `span`, and goes
  // back; both are shapes.
  bool add_approach(Object* comer, int x_index, const Span& stay, const Span& span);

 private:
  bool free(const Box& reach, const Span& when, int except) const;
  // Back and forth along the strip at a steady speed.
  void wander(const Box& strip, int start, const std::vector<Span>& moving, std::vector<Key>* path);

  Random& random_;
  const Script& s_;
  int width_, height_;  // of the frame, units
};

}  // namespace shijian::synth
