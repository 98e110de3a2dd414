#include "synth/casting.h"

#include <algorithm>
#include <string>
#include <vector>

#include "synth/world.h"

namespace shijian::synth {
bool share_a_name(const Identity& a, const Identity& b) {
  if (a.type != b.type) return false;
  switch (a.type) {
    case ObjectType::kShape:
      return a == b;
    case ObjectType::kWord:
      return a.value == b.value;
    case ObjectType::kNumber: {
      const std::string x = a.text(), y = b.text();
      return x.find(y) != std::string::npos || y.find(x) != std::string::npos;
    }
  }
  return false;
}

bool Casting::taken(const Identity& wanted) const {
  return std::any_of(s_.objects.begin(), s_.objects.end(), [&](const Object& object) {
    Identity shown = object.identity;
    if (share_a_name(shown, wanted)) return true;
    return std::any_of(object.changes.begin(), object.changes.end(),
                       [&](const ColourChange& change) {
                         shown.colour = change.colour;
                         return share_a_name(shown, wanted);
                       });
  });
}
bool Casting::allowed(const Identity& identity, bool target) const {
  if (s_.split == Split::kTrain ? identity.held_out() : (target && !identity.held_out()))
    return false;
  return !taken(identity);
}

Identity Casting::random_identity(ObjectType type) {
  Identity identity{type, 0, random_.below(kColours.size())};
  if (type == ObjectType::kShape) identity.value = random_.below(kShapes.size());
  if (type == ObjectType::kWord) identity.value = random_.below(kWords.size());
  if (type == ObjectType::kNumber) {
    identity.value = random_.chance(55) ? random_.below(10) : random_.between(10, 99);
  }
  return identity;
}

std::optional<Identity> Casting::pick_identity(ObjectType type, bool target) {
  for (int i = 0; i < 60; ++i) {
    const Identity identity = random_identity(type);
    if (allowed(identity, target)) return identity;
  }
  return std::nullopt;
}

std::optional<Identity> Casting::pick_distractor() {
  std::vector<Identity> models;
  for (const Object& object : s_.objects) models.push_back(object.identity);
  for (int i = 0; i < 60; ++i) {
    const bool text = random_.chance(22);
    Identity identity = random_identity(!text                ? ObjectType::kShape
                                        : random_.chance(50) ? ObjectType::kWord
                                                             : ObjectType::kNumber);
    if (!models.empty()) {
      const Identity& model = random_.pick(models);
      if (model.type == identity.type && random_.chance(50)) {
        if (model.type == ObjectType::kShape) identity.value = model.value;
      } else {
        identity.colour = model.colour;
      }
    }
    if (allowed(identity, false)) return identity;
  }
  return std::nullopt;
}

}  // namespace shijian::synth
