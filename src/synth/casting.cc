#include "synth/casting.h"

#include <string>
#include <vector>

#include "synth/world.h"

namespace shijian::synth {
namespace {

// "7" can be read in "47".
bool one_reads_as_other(const Identity& a, const Identity& b) {
  const std::string x = a.text(), y = b.text();
  return x.find(y) != std::string::npos || y.find(x) != std::string::npos;
}

}  // namespace

bool Casting::taken(const Identity& wanted) const {
  for (const Object& object : s_.objects) {
    if (object.identity.type == ObjectType::kShape) {
      if (wanted.type != ObjectType::kShape || object.identity.value != wanted.value) continue;
      if (object.identity.colour == wanted.colour) return true;
      for (const ColourChange& change : object.changes) {
        if (change.colour == wanted.colour) return true;
      }
    } else if (wanted.type == object.identity.type) {
      if (wanted.value == object.identity.value) return true;
      if (wanted.type == ObjectType::kNumber && one_reads_as_other(wanted, object.identity))
        return true;
    }
  }
  return false;
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
