#include "synth/director.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "synth/world.h"

namespace shijian::synth {
namespace {

// What an object is there to do; each role yields one event.
enum class Role { kShow, kLeave, kMove, kStop, kColour, kTouch, kRepeat };

struct WeightedRole {
  Role role;
  int weight;
};
constexpr WeightedRole kRoles[] = {{Role::kShow, 44},  {Role::kLeave, 13}, {Role::kColour, 15},
                                   {Role::kMove, 7},   {Role::kStop, 6},   {Role::kTouch, 6},
                                   {Role::kRepeat, 12}};

constexpr int kGap = 800;    // ms between two things that happen to one object
constexpr int kMargin = 12;  // units between the reaches of two objects

class Director {
 public:
  Director(Random random, const ScriptOptions& options, Script* script)
      : random_(random), options_(options), s_(*script), duration_(script->duration_ms) {
    // Events of 2 to 8 s that fill at most 30%; shorter in clips too short for that.
    min_event_ = std::min(2000, duration_ / 5);
    max_event_ = std::min(8000, duration_ * 3 / 10);
    const int side = s_.short_side();
    width_ = s_.width * 1000 / side;
    height_ = s_.height * 1000 / side;
  }

  bool run() {
    if (!make_scenes()) return false;
    const int wanted = random_.between(duration_ < 8000 ? 1 : 2, duration_ < 12000 ? 3 : 4);
    if (!choose_roles()) return !s_.events.empty() && add_distractors(4);
    int targets = 0;
    for (int tries = 0; tries < 12 && targets < wanted; ++tries) targets += add_target();
    if (targets == 0) return false;
    return add_distractors(random_.between(3, 4));
  }

 private:
  // ---- identities ------------------------------------------------------------------------------
  bool train() const { return s_.split == Split::kTrain; }

  // Nothing on screen may answer to two names, nor one name to two things.
  bool taken(const Identity& wanted) const {
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
  // "7" can be read in "47".
  static bool one_reads_as_other(const Identity& a, const Identity& b) {
    const std::string x = a.text(), y = b.text();
    return x.find(y) != std::string::npos || y.find(x) != std::string::npos;
  }

  bool allowed(const Identity& identity, bool target) const {
    if (train() ? identity.held_out() : (target && !identity.held_out())) return false;
    return !taken(identity);
  }

  Identity random_identity(ObjectType type) {
    Identity identity{type, 0, random_.below(kColours.size())};
    if (type == ObjectType::kShape) identity.value = random_.below(kShapes.size());
    if (type == ObjectType::kWord) identity.value = random_.below(kWords.size());
    if (type == ObjectType::kNumber) {
      identity.value = random_.chance(55) ? random_.below(10) : random_.between(10, 99);
    }
    return identity;
  }

  std::optional<Identity> pick_identity(ObjectType type, bool target) {
    for (int i = 0; i < 60; ++i) {
      const Identity identity = random_identity(type);
      if (allowed(identity, target)) return identity;
    }
    return std::nullopt;
  }

  // Like a target in shape or in colour, or a text that resembles one.
  std::optional<Identity> pick_distractor() {
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

  ObjectType role_type(int text_percent) {
    if (!random_.chance(text_percent)) return ObjectType::kShape;
    return random_.chance(50) ? ObjectType::kWord : ObjectType::kNumber;
  }

  // ---- size and place --------------------------------------------------------------------------
  // `small` asks for the least size that is still legible.
  void set_size(Object* object, bool small) {
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

  bool free(const Box& reach, const Span& when, int except) const {
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

  enum class Motion { kStill, kWander };

  // A stay whose object wanders during `moving` (inside `span`) and is still otherwise.
  // Appended to the object when a free place is found.
  bool add_stay(Object* object, const Span& span, Motion motion, const std::vector<Span>& moving) {
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

  // Back and forth along the strip at a steady speed.
  void wander(const Box& strip, int start, const std::vector<Span>& moving,
              std::vector<Key>* path) {
    const bool across = strip.right - strip.left >= strip.bottom - strip.top;
    Key at{start, random_.between(strip.left, strip.right),
           random_.between(strip.top, strip.bottom)};
    path->push_back(at);
    bool forward = random_.chance(50);
    const int speed = random_.between(160, 380);  // units a second along the strip
    for (const Span& span : moving) {
      if (at.ms < span.start) path->push_back(at = {span.start, at.x, at.y});
      while (at.ms < span.end) {
        Key to{0, random_.between(strip.left, strip.right),
               random_.between(strip.top, strip.bottom)};
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

  // ---- times -----------------------------------------------------------------------------------
  // Short events are commoner than long ones: were they not, an answer in the middle of the clip
  // would too often be half right by chance.
  int random_length(int most) {
    int length = most;
    for (int i = 0; i < 5; ++i) length = std::min(length, random_.between(min_event_, most));
    return length;
  }
  // An event anywhere in the clip that keeps `margin` from both ends.
  Span random_span(int margin = 500) {
    const int length = random_length(max_event_);
    const int start = random_.between(margin, duration_ - margin - length);
    return {start, start + length};
  }
  // The stay around an event: often the whole clip.
  Span around(const Span& event) {
    return {random_.chance(50) ? 0 : random_.between(0, event.start - kGap),
            random_.chance(50) ? duration_
                               : random_.between(std::min(event.end + kGap, duration_), duration_)};
  }
  int start_margin() const { return std::max(500, std::min(1200, duration_ / 8)); }

  // ---- scenes ----------------------------------------------------------------------------------
  bool make_scenes() {
    const bool cut_wanted = options_.allows(Kind::kCut);
    const int draw = random_.below(100);
    int count = draw < 20 ? 1 : draw < 35 ? 2 : draw < 68 ? 3 : 4;
    if (!cut_wanted && random_.chance(50)) count = std::min(count, 2);
    std::vector<int> cuts;
    Span event{};
    if (count == 2) cuts = {random_.between(duration_ / 6, duration_ * 5 / 6)};
    if (count >= 3) {
      event = random_span(start_margin());
      cuts = {event.start, event.end};
      const bool before = event.start > duration_ - event.end;
      const int low = before ? 0 : event.end, high = before ? event.start : duration_;
      if (count == 4 && high - low >= 2400) {
        cuts.push_back(random_.between(low + 1200, high - 1200));
        std::sort(cuts.begin(), cuts.end());
      }
    }
    std::vector<int> starts{0};
    starts.insert(starts.end(), cuts.begin(), cuts.end());
    for (size_t i = 0; i < starts.size(); ++i) {
      const bool target = cut_wanted && count >= 3 && starts[i] == event.start;
      if (!add_scene(starts[i], target)) return false;
      if (!target) continue;
      Event cut;
      cut.kind = Kind::kCut;
      cut.scene = static_cast<int>(i);
      cut.spans = {event};
      s_.events.push_back(cut);
    }
    return true;
  }

  bool add_scene(int start, bool target) {
    for (int i = 0; i < 60; ++i) {
      Scene scene{start, random_.below(kPatterns.size()), random_.below(kHues.size())};
      const bool held_out = background_held_out(scene.pattern, scene.hue);
      if (train() ? held_out : (target && !held_out)) continue;
      const bool used = std::any_of(s_.scenes.begin(), s_.scenes.end(), [&](const Scene& other) {
        return other.pattern == scene.pattern && other.hue == scene.hue;
      });
      // A cut must be seen: neighbours differ in hue.
      if (used || (!s_.scenes.empty() && s_.scenes.back().hue == scene.hue)) continue;
      s_.scenes.push_back(scene);
      return true;
    }
    return false;
  }

  // ---- roles -----------------------------------------------------------------------------------
  bool choose_roles() {
    const auto allows = [&](Kind kind) { return options_.allows(kind); };
    for (const auto& [role, weight] : kRoles) {
      bool possible = false;
      switch (role) {
        case Role::kShow:
          possible = allows(Kind::kVisible) || allows(Kind::kAppear) || allows(Kind::kText) ||
                     allows(Kind::kDigit);
          break;
        case Role::kLeave:
          possible = allows(Kind::kLeave);
          break;
        case Role::kMove:
          possible = allows(Kind::kMove);
          break;
        case Role::kStop:
          possible = allows(Kind::kStop);
          break;
        case Role::kColour:
          possible = allows(Kind::kColour);
          break;
        case Role::kTouch:
          possible = allows(Kind::kTouch);
          break;
        case Role::kRepeat:
          possible = allows(Kind::kOrder) || allows(Kind::kAll);
          break;
      }
      if (possible) roles_.insert(roles_.end(), weight, role);
    }
    return !roles_.empty();
  }

  bool add_target() {
    switch (random_.pick(roles_)) {
      case Role::kShow:
        return add_show();
      case Role::kLeave:
        return add_leave();
      case Role::kMove:
        return add_move();
      case Role::kStop:
        return add_stop();
      case Role::kColour:
        return add_colour();
      case Role::kTouch:
        return add_touch();
      case Role::kRepeat:
        return add_repeat();
    }
    return false;
  }

  // A target with an identity and a size, not yet in the script.
  std::optional<Object> new_target(ObjectType type) {
    const std::optional<Identity> identity = pick_identity(type, true);
    if (!identity) return std::nullopt;
    Object object;
    object.identity = *identity;
    object.target = true;
    object.plate = random_.chance(50);
    set_size(&object, random_.chance(40));
    return object;
  }

  bool commit(Object object, Event event) {
    event.object = static_cast<int>(s_.objects.size());
    s_.objects.push_back(std::move(object));
    s_.events.push_back(std::move(event));
    return true;
  }

  bool add_show() {
    std::vector<Kind> kinds;
    for (const Kind kind : {Kind::kVisible, Kind::kAppear, Kind::kText, Kind::kDigit}) {
      if (options_.allows(kind)) kinds.push_back(kind);
    }
    const Kind kind = random_.pick(kinds);
    const auto object = new_target(kind == Kind::kText    ? ObjectType::kWord
                                   : kind == Kind::kDigit ? ObjectType::kNumber
                                                          : ObjectType::kShape);
    if (!object) return false;
    const Span span = random_span();
    Object shown = *object;
    const bool wanders = random_.chance(kind == Kind::kText ? 20 : 40);
    if (!add_stay(&shown, span, wanders ? Motion::kWander : Motion::kStill,
                  wanders ? std::vector{span} : std::vector<Span>{}))
      return false;
    return commit(std::move(shown), Event{kind, -1, -1, -1, -1, Ordinal::kFirst, {span}});
  }

  bool add_leave() {
    auto object = new_target(role_type(20));
    if (!object) return false;
    const Span away = random_span(start_margin());
    const int from = random_.chance(60) ? 0 : random_.between(0, away.start - kGap);
    if (!add_stay(&*object, {from, away.start}, Motion::kStill, {})) return false;
    if (!add_stay(&*object, {away.end, duration_}, Motion::kStill, {})) return false;
    return commit(std::move(*object), Event{Kind::kLeave, -1, -1, -1, -1, Ordinal::kFirst, {away}});
  }

  bool add_move() {
    auto object = new_target(role_type(15));
    if (!object) return false;
    const Span moving = random_span(start_margin());
    if (!add_stay(&*object, around(moving), Motion::kWander, {moving})) return false;
    return commit(std::move(*object),
                  Event{Kind::kMove, -1, -1, -1, -1, Ordinal::kFirst, {moving}});
  }

  bool add_stop() {
    auto object = new_target(ObjectType::kShape);
    if (!object) return false;
    const Span still = random_span(start_margin());
    Span stay = around(still);
    if (random_.chance(25)) stay.end = still.end;  // leaves from where it stopped
    std::vector<Span> moving{{stay.start, still.start}};
    if (still.end < stay.end) moving.push_back({still.end, stay.end});
    if (!add_stay(&*object, stay, Motion::kWander, moving)) return false;
    return commit(std::move(*object), Event{Kind::kStop, -1, -1, -1, -1, Ordinal::kFirst, {still}});
  }

  bool add_colour() {
    auto object = new_target(ObjectType::kShape);
    if (!object) return false;
    Identity changed = object->identity;
    for (int i = 0;; ++i) {
      if (i == 30) return false;
      changed.colour = random_.below(kColours.size());
      if (changed.colour != object->identity.colour && allowed(changed, false)) break;
    }
    const Span span = random_span(start_margin());
    Span stay = around(span);
    const bool leaves = random_.chance(25);
    if (leaves) stay.end = span.end;
    object->changes.push_back({span.start, changed.colour});
    if (!leaves) object->changes.push_back({span.end, object->identity.colour});
    const bool wanders = random_.chance(20);
    if (!add_stay(&*object, stay, wanders ? Motion::kWander : Motion::kStill,
                  wanders ? std::vector{stay} : std::vector<Span>{}))
      return false;
    Event event{Kind::kColour, -1, -1, changed.colour, -1, Ordinal::kFirst, {span}};
    return commit(std::move(*object), std::move(event));
  }

  bool add_repeat() {
    auto object = new_target(role_type(25));
    if (!object) return false;
    const int count = random_.chance(60) ? 2 : 3;
    // `all` counts the stays together; when they cannot all be long enough, ask for one of them.
    const bool all_fits = count * min_event_ <= duration_ * 3 / 10;
    const bool all = options_.allows(Kind::kAll) && all_fits &&
                     (!options_.allows(Kind::kOrder) || random_.chance(50));
    if (!all && !options_.allows(Kind::kOrder)) return false;
    const int most = all ? std::min(max_event_, duration_ * 3 / 10 / count) : max_event_;
    std::vector<int> lengths(count);
    int total = 0;
    for (int& length : lengths) total += length = random_length(most);
    const int slack = duration_ - 1000 - total - (count - 1) * 1000;
    if (slack < 0) return false;
    std::vector<int> offsets(count);
    for (int& offset : offsets) offset = random_.between(0, slack);
    std::sort(offsets.begin(), offsets.end());
    std::vector<Span> spans(count);
    int used = 500;
    for (int i = 0; i < count; ++i) {
      spans[i] = {used + offsets[i], used + offsets[i] + lengths[i]};
      used += lengths[i] + 1000;
      if (!add_stay(&*object, spans[i], Motion::kStill, {})) return false;
    }
    Event event;
    event.kind = all ? Kind::kAll : Kind::kOrder;
    if (all) {
      event.spans = spans;
    } else {
      const int which = random_.below(count);
      event.ordinal = which == 0                                         ? Ordinal::kFirst
                      : which == 1 && (count == 3 || random_.chance(30)) ? Ordinal::kSecond
                                                                         : Ordinal::kLast;
      event.spans = {spans[which]};
    }
    return commit(std::move(*object), std::move(event));
  }

  // Y comes to X, stays in contact and goes back. Only shapes that fill their bounding box at half
  // width and height, so that the boxes meet where the shapes do.
  bool add_touch() {
    auto still = touching_shape();
    if (!still) return false;
    const Span span = random_span(start_margin());
    const Span stay_x = around(span), stay_y = around(span);
    if (!add_stay(&*still, stay_x, Motion::kStill, {})) return false;
    const int x_index = static_cast<int>(s_.objects.size());
    s_.objects.push_back(*still);  // so that its name and its place are taken
    auto comer = touching_shape();
    if (comer && place_comer(&*comer, x_index, stay_y, span)) {
      Event event;
      event.kind = Kind::kTouch;
      event.other = x_index;
      event.spans = {span};
      return commit(std::move(*comer), std::move(event));
    }
    s_.objects.pop_back();
    return false;
  }

  std::optional<Object> touching_shape() {
    for (int i = 0; i < 20; ++i) {
      auto object = new_target(ObjectType::kShape);
      if (!object) return std::nullopt;
      switch (static_cast<Shape>(object->identity.value)) {
        case Shape::kCircle:
        case Shape::kSquare:
        case Shape::kCross:
        case Shape::kDiamond:
        case Shape::kRing:
          set_size(&*object, true);
          return object;
        default:
          break;
      }
    }
    return std::nullopt;
  }

  bool place_comer(Object* comer, int x_index, const Span& stay, const Span& span) {
    const Object& other = s_.objects[x_index];
    const Key at = other.stays[0].path[0];
    const int contact = other.half_width + comer->half_width;
    for (int attempt = 0; attempt < 24; ++attempt) {
      const bool across = random_.chance(50);
      const int sign = random_.chance(50) ? 1 : -1;
      const int travel = random_.between(160, 420);
      const auto key = [&](int ms, int distance) {
        return Key{ms, at.x + (across ? sign * distance : 0),
                   at.y + (across ? 0 : sign * distance)};
      };
      const int in = std::min(span.start - stay.start, travel * 1000 / random_.between(200, 400));
      const int out = std::min(stay.end - span.end, travel * 1000 / random_.between(200, 400));
      const Key far = key(0, contact + travel), near = key(0, contact);
      const int hw = comer->half_width, hh = comer->half_height;
      const Box reach{std::min(far.x, near.x) - hw, std::min(far.y, near.y) - hh,
                      std::max(far.x, near.x) + hw, std::max(far.y, near.y) + hh};
      if (reach.left < 0 || reach.top < 0 || reach.right > width_ || reach.bottom > height_)
        continue;
      if (!free(reach, stay, x_index)) continue;
      Stay placed{stay, {}, reach};
      placed.path = {key(span.start - in, contact + travel), key(span.start, contact),
                     key(span.end, contact), key(span.end + out, contact + travel)};
      comer->stays.push_back(std::move(placed));
      return true;
    }
    return false;
  }

  // ---- distractors -----------------------------------------------------------------------------
  bool add_distractors(int count) {
    int added = 0;
    for (int tries = 0; tries < 5 * count && added < count; ++tries) added += add_distractor();
    return added >= 3;
  }

  bool add_distractor() {
    const auto identity = pick_distractor();
    if (!identity) return false;
    Object object;
    object.identity = *identity;
    object.plate = random_.chance(50);
    set_size(&object, random_.chance(50));
    const int stays = random_.between(1, 3);
    std::vector<Span> spans;
    int from = 0;
    for (int i = 0; i < stays; ++i) {
      const int room = (duration_ - from) / (stays - i);
      const int length =
          random_.between(std::min(1000, room / 2), std::min(room, std::max(6000, duration_ / 3)));
      const int start = random_.chance(15) ? from : random_.between(from, from + room - length);
      spans.push_back({start, start + length});
      from = start + length + 600;
      if (duration_ - from < 1500) break;
    }
    for (const Span& span : spans) {
      const bool wanders = random_.chance(35);
      if (wanders && random_.chance(40) && slide(&object, span)) continue;
      add_stay(&object, span, wanders ? Motion::kWander : Motion::kStill,
               wanders ? std::vector{span} : std::vector<Span>{});
    }
    if (object.stays.empty()) return false;
    s_.objects.push_back(std::move(object));
    return true;
  }

  // Crosses the whole frame, from outside to outside.
  bool slide(Object* object, const Span& span) {
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

  Random random_;
  const ScriptOptions& options_;
  Script& s_;
  int duration_;
  int min_event_ = 0, max_event_ = 0;
  int width_ = 0, height_ = 0;  // of the frame, units
  std::vector<Role> roles_;     // each as often as it weighs
};

}  // namespace

bool direct(Random random, const ScriptOptions& options, Script* script) {
  return Director(random, options, script).run();
}

}  // namespace shijian::synth
