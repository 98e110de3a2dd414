#include "synth/director.h"

#include <algorithm>

#include "synth/casting.h"
#include "synth/stage.h"
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

constexpr int kGap = 800;  // ms between two things that happen to one object

class Director {
 public:
  Director(Random random, const ScriptOptions& options, Script* script)
      : random_(random), options_(options), s_(*script), duration_(script->duration_ms) {
    // Events of 2 to 8 s that fill at most 30%; shorter in clips too short for that.
    min_event_ = std::min(2000, duration_ / 5);
    max_event_ = std::min(8000, duration_ * 3 / 10);
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
  // The whole clip, or more than a short event may fill; often from its beginning or to its end.
  Span long_span() {
    if (random_.chance(50)) return {0, duration_};
    const int length = random_.between(max_event_, duration_ * 9 / 10);
    const int draw = random_.below(100);
    const int start = draw < 25   ? 0
                      : draw < 50 ? duration_ - length
                                  : random_.between(0, duration_ - length);
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
      if (s_.split == Split::kTrain ? held_out : (target && !held_out)) continue;
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

  // Whether something moves that nobody asks it to.
  bool moves(int percent) {
    const bool drawn = random_.chance(percent);
    return options_.activity == Activity::kMixed ? drawn : options_.activity == Activity::kBusy;
  }

  ObjectType role_type(int text_percent) {
    if (!random_.chance(text_percent)) return ObjectType::kShape;
    return random_.chance(50) ? ObjectType::kWord : ObjectType::kNumber;
  }

  // A target with an identity and a size, not yet in the script.
  std::optional<Object> new_target(ObjectType type) {
    const std::optional<Identity> identity = cast_.pick_identity(type, true);
    if (!identity) return std::nullopt;
    Object object;
    object.identity = *identity;
    object.target = true;
    object.plate = random_.chance(50);
    stage_.set_size(&object, random_.chance(40));
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
    const bool lasts = options_.long_percent > 0 && random_.chance(options_.long_percent);
    const Span span = lasts ? long_span() : random_span();
    Object shown = *object;
    const bool wanders = moves(kind == Kind::kText ? 20 : 40);
    if (!stage_.add_stay(&shown, span, wanders ? Motion::kWander : Motion::kStill,
                         wanders ? std::vector{span} : std::vector<Span>{}))
      return false;
    return commit(std::move(shown), Event{kind, -1, -1, -1, -1, Ordinal::kFirst, {span}});
  }

  bool add_leave() {
    auto object = new_target(role_type(20));
    if (!object) return false;
    const Span away = random_span(start_margin());
    const int from = random_.chance(60) ? 0 : random_.between(0, away.start - kGap);
    if (!stage_.add_stay(&*object, {from, away.start}, Motion::kStill, {})) return false;
    if (!stage_.add_stay(&*object, {away.end, duration_}, Motion::kStill, {})) return false;
    return commit(std::move(*object), Event{Kind::kLeave, -1, -1, -1, -1, Ordinal::kFirst, {away}});
  }

  bool add_move() {
    auto object = new_target(role_type(15));
    if (!object) return false;
    const Span moving = random_span(start_margin());
    if (!stage_.add_stay(&*object, around(moving), Motion::kWander, {moving})) return false;
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
    if (!stage_.add_stay(&*object, stay, Motion::kWander, moving)) return false;
    return commit(std::move(*object), Event{Kind::kStop, -1, -1, -1, -1, Ordinal::kFirst, {still}});
  }

  bool add_colour() {
    auto object = new_target(ObjectType::kShape);
    if (!object) return false;
    Identity changed = object->identity;
    for (int i = 0;; ++i) {
      if (i == 30) return false;
      changed.colour = random_.below(kColours.size());
      if (changed.colour != object->identity.colour && cast_.allowed(changed, false)) break;
    }
    const Span span = random_span(start_margin());
    Span stay = around(span);
    const bool leaves = random_.chance(25);
    if (leaves) stay.end = span.end;
    object->changes.push_back({span.start, changed.colour});
    if (!leaves) object->changes.push_back({span.end, object->identity.colour});
    const bool wanders = random_.chance(20);
    if (!stage_.add_stay(&*object, stay, wanders ? Motion::kWander : Motion::kStill,
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
      if (!stage_.add_stay(&*object, spans[i], Motion::kStill, {})) return false;
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
    if (!stage_.add_stay(&*still, stay_x, Motion::kStill, {})) return false;
    const int x_index = static_cast<int>(s_.objects.size());
    s_.objects.push_back(*still);  // so that its name and its place are taken
    auto comer = touching_shape();
    if (comer && stage_.add_approach(&*comer, x_index, stay_y, span)) {
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
          stage_.set_size(&*object, true);
          return object;
        default:
          break;
      }
    }
    return std::nullopt;
  }

  // ---- distractors -----------------------------------------------------------------------------
  bool add_distractors(int count) {
    int added = 0;
    for (int tries = 0; tries < 5 * count && added < count; ++tries) added += add_distractor();
    return added >= 3;
  }

  bool add_distractor() {
    const auto identity = cast_.pick_distractor();
    if (!identity) return false;
    Object object;
    object.identity = *identity;
    object.plate = random_.chance(50);
    stage_.set_size(&object, random_.chance(50));
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
      const bool wanders = moves(35);
      if (wanders && random_.chance(40) && stage_.slide(&object, span)) continue;
      stage_.add_stay(&object, span, wanders ? Motion::kWander : Motion::kStill,
                      wanders ? std::vector{span} : std::vector<Span>{});
    }
    if (object.stays.empty()) return false;
    s_.objects.push_back(std::move(object));
    return true;
  }

  Random random_;
  const ScriptOptions& options_;
  Script& s_;
  Casting cast_{random_, s_};
  Stage stage_{random_, s_};
  int duration_;
  int min_event_ = 0, max_event_ = 0;
  std::vector<Role> roles_;  // each as often as it weighs
};

}  // namespace

bool direct(Random random, const ScriptOptions& options, Script* script) {
  return Director(random, options, script).run();
}

}  // namespace shijian::synth
