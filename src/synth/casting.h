// Chooses what the objects of a clip are, so that names stay unambiguous and the split is kept.
#pragma once

#include <optional>

#include "synth/random.h"
#include "synth/script.h"

namespace shijian::synth {

// Whether what is asked of one could be meant of the other: shapes of one kind and colour, a word
// in whatever colour, a number inside another ("7" in "47").
bool share_a_name(const Identity& a, const Identity& b);

// Reads the objects already in the script; keeps references to both arguments.
class Casting {
 public:
  Casting(Random& random, const Script& script) : random_(random), s_(script) {}

  // Whether the split lets this be shown and nothing in the script answers to that name. A target
  // of the held-out split must be a held-out combination.
  bool allowed(const Identity& identity, bool target) const;

  // Empty when nothing allowed turns up.
  std::optional<Identity> pick_identity(ObjectType type, bool target);
  // Like an object of the script in shape or in colour.
  std::optional<Identity> pick_distractor();

 private:
  // Nothing on screen may answer to two names, nor one name to two things.
  bool taken(const Identity& wanted) const;
  Identity random_identity(ObjectType type);

  Random& random_;
  const Script& s_;
};

}  // namespace shijian::synth
