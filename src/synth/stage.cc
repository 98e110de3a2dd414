#include "synth/stage.h"

#include <algorithm>
#include <cstdlib>

namespace shijian::synth {
namespace {

constexpr int kMargin = 12;  // units between the reaches of two objects

}  // namespace

Stage::Stage(Random& random, const Script& script)
    : random_(random),
      s_(script),
      width_(script.width * 1000 / script.short_side()),
      height_(script.height * 1000 / script.short_side()) {}

void Stage::set_size(Object* object, bool small) {
  const ObjectType type = object->identity.type;
  if (type == ObjectType::kShape) {
    object->half_width = object->half_height =
        small ? random_.between(152, 164) : random_.between(165, 235);
    return;
  }
  const int letters = static_cast<int>(object->identity.text().size());
  const int columns = 6 * letters - 1;  // glyphs of 5 x 7 cells, one cell between
  int most = std::min(letters == 1   ? 58
                      : letters == 2 ? 50
                                     : 44,
                      width_ * 86 / 100 / (columns + 2));
  int least = std::max(24, most * 3 / 4);
  object->cell = small ? least : random_.between(least, most);
  object->half_width = object->cell * (columns + 2) / 2;
  object->half_height = object->cell * 9 / 2;
}

bool Stage::free(const Box& reach, const Span& when, int except) const {
  const Box wide{reach.left - kMargin, reach.top - kMargin, reach.right + kMargin,
                 reach.bottom + kMargin};
  for (int i = 0; i < static_cast<int>(s_.objects.size()); ++i) {
    if (i == except) continue;
    for (const Stay& stay : s_.objects[i].stays) {
      if (stay.span.start < when.end && when.start < stay.span.end && stay.reach.meets(wide))
        return false;
    }
  }
  return true;
}

bool Stage::add_stay(Object* object, const Span& span, Motion motion,
                     const std::vector<Span>& moving) {
  for (int attempt = 0; attempt < 30; ++attempt) {
    if (attempt == 10 && object->stays.empty()) set_size(object, true);
    const int hw = object->half_width, hh = object->half_height;
    // The centre stays inside a strip: long one way, narrow the other.
    int across = 0, down = 0;
    if (motion == Motion::kWander) {
      across = random_.between(240, 620);
      down = random_.between(0, 120);
      if (random_.chance(50)) std::swap(across, down);
      across = std::min(across, width_ - 2 * hw);
      down = std::min(down, height_ - 2 * hh);
      if (std::max(across, down) < 180) continue;
    }
    const int left = random_.between(hw, width_ - hw - across);
    const int top = random_.between(hh, height_ - hh - down);
    const Box strip{left, top, left + across, top + down};
    const Box reach{left - hw, top - hh, strip.right + hw, strip.bottom + hh};
    if (!free(reach, span, -1)) continue;
    Stay stay{span, {}, reach};
    wander(strip, span.start, moving, &stay.path);
    object->stays.push_back(std::move(stay));
    return true;
  }
  return false;
}

void Stage::wander(const Box& strip, int start, const std::vector<Span>& moving,
                   std::vector<Key>* path) {
  const bool across = strip.right - strip.left >= strip.bottom - strip.top;
  Key at{start, random_.between(strip.left, strip.right), random_.between(strip.top, strip.bottom)};
  path->push_back(at);
  bool forward = random_.chance(50);
  const int speed = random_.between(160, 380);  // units a second along the strip
  for (const Span& span : moving) {
    if (at.ms < span.start) path->push_back(at = {span.start, at.x, at.y});
    while (at.ms < span.end) {
      Key to{0, random_.between(strip.left, strip.right), random_.between(strip.top, strip.bottom)};
      int& along = across ? to.x : to.y;
      const int low = across ? strip.left : strip.top, high = across ? strip.right : strip.bottom;
      along = forward ? random_.between(high - (high - low) / 5, high)
                      : random_.between(low, low + (high - low) / 5);
      forward = !forward;
      const int distance = std::abs(along - (across ? at.x : at.y));
      const int needs = distance * 1000 / speed;
      if (needs < 150) continue;
      to.ms = at.ms + needs;
      if (to.ms > span.end) {  // cut short where the time is up
        const int64_t part = span.end - at.ms;
        to.x = at.x + static_cast<int>((to.x - at.x) * part / needs);
        to.y = at.y + static_cast<int>((to.y - at.y) * part / needs);
        to.ms = span.end;
      }
      path->push_back(at = to);
    }
  }
}

bool Stage::slide(Object* object, const Span& span) {
  if (span.end - span.start < 2000) return false;
  const int hw = object->half_width, hh = object->half_height;
  const int y = random_.between(hh, height_ - hh);
  const Box reach{-2 * hw, y - hh, width_ + 2 * hw, y + hh};
  if (!free(reach, span, -1)) return false;
  const bool right = random_.chance(50);
  object->stays.push_back(
      {span,
       {{span.start, right ? -hw : width_ + hw, y}, {span.end, right ? width_ + hw : -hw, y}},
       reach});
  return true;
}

bool Stage::add_approach(Object* comer, int x_index, const Span& stay, const Span& span) {
  const Object& other = s_.objects[x_index];
  const Key at = other.stays[0].path[0];
  const int contact = other.half_width + comer->half_width;
  for (int attempt = 0; attempt < 24; ++attempt) {
    const bool across = random_.chance(50);
    const int sign = random_.chance(50) ? 1 : -1;
    const int travel = random_.between(160, 420);
    const auto key = [&](int ms, int distance) {
      return Key{ms, at.x + (across ? sign * distance : 0), at.y + (across ? 0 : sign * distance)};
    };
    const int in = std::min(span.start - stay.start, travel * 1000 / random_.between(200, 400));
    const int out = std::min(stay.end - span.end, travel * 1000 / random_.between(200, 400));
    const Key far = key(0, contact + travel), near = key(0, contact);
    const int hw = comer->half_width, hh = comer->half_height;
    const Box reach{std::min(far.x, near.x) - hw, std::min(far.y, near.y) - hh,
                    std::max(far.x, near.x) + hw, std::max(far.y, near.y) + hh};
    if (reach.left < 0 || reach.top < 0 || reach.right > width_ || reach.bottom > height_) continue;
    if (!free(reach, stay, x_index)) continue;
    Stay placed{stay, {}, reach};
    placed.path = {key(span.start - in, contact + travel), key(span.start, contact),
                   key(span.end, contact), key(span.end + out, contact + travel)};
    comer->stays.push_back(std::move(placed));
    return true;
  }
  return false;
}

}  // namespace shijian::synth
