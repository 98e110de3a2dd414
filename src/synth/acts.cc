#include "synth/acts.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "synth/casting.h"
#include "synth/director.h"

namespace shijian::synth {
namespace {

constexpr int kShortest = 10'000, kLongest = 40'000;  // ms of an act
constexpr int kSecondsAnAskedAct = 100;  // of the clip, of which one act is asked about
constexpr int kMostAskedActs = 12;
constexpr int kTries = 200;     // to make one act
constexpr int kWordGroups = 3;  // of one of them only asked acts show words: others stay absent

constexpr uint32_t kinds_of(std::initializer_list<Kind> kinds) {
  uint32_t bits = 0;
  for (const Kind kind : kinds) bits |= 1u << static_cast<int>(kind);
  return bits;
}
// What is so wherever one looks from: who moves or leaves in one act is elsewhere in the next.
constexpr uint32_t kAsked = kinds_of({Kind::kVisible, Kind::kAppear, Kind::kText, Kind::kDigit,
                                      Kind::kCut, Kind::kOrder, Kind::kAll});
// Of acts that fill: no colour changes, which would turn one name into another.
constexpr uint32_t kFilling = kinds_of({Kind::kVisible, Kind::kLeave, Kind::kMove, Kind::kStop,
                                        Kind::kText, Kind::kDigit, Kind::kOrder});

struct Act {
  int start = 0, length = 0;  // ms
  bool asked = false;
  bool still = false;
  Script script;
};

class Acts {
 public:
  Acts(Random random, const ScriptOptions& options, Script* script)
      : random_(random), options_(options), s_(*script) {}

  bool run() {
    plan();
    const int reserved = random_.below(kWordGroups);
    // Those that are asked about choose first; what fills makes room for them.
    for (const bool asked : {true, false}) {
      for (size_t i = 0; i < acts_.size(); ++i) {
        if (acts_[i].asked == asked && !make(i, reserved)) return false;
      }
    }
    s_.kinds &= kAsked | kinds_of({Kind::kAbsent});
    for (const Act& act : acts_) append(act);
    ask_about_objects();
    ask_about_cuts();
    return !s_.events.empty();
  }

 private:
  void plan() {
    for (int at = 0; at < s_.duration_ms;) {
      const int left = s_.duration_ms - at;
      const int length = left <= kLongest
                             ? left
                             : random_.between(kShortest, std::min(kLongest, left - kShortest));
      acts_.push_back({at, length, false, false, {}});
      at += length;
    }
    const int count = static_cast<int>(acts_.size());
    const int asked = std::clamp(s_.duration_ms / 1000 / kSecondsAnAskedAct, 1,
                                 std::min(kMostAskedActs, count - 1));
    // Never the first: its first scene is no cut.
    for (const int i : some_of(count - 1, asked)) acts_[i + 1].asked = true;
    for (const int i : some_of(count, count * 2 / 5)) acts_[i].still = true;
  }

  std::vector<int> some_of(int count, int wanted) {
    std::vector<int> all(count);
    for (int i = 0; i < count; ++i) all[i] = i;
    random_.shuffle(all);
    all.resize(wanted);
    return all;
  }

  bool make(size_t index, int reserved) {
    Act& act = acts_[index];
    ScriptOptions options = options_;
    options.activity = act.still ? Activity::kStill : Activity::kBusy;
    options.split = act.asked ? Split::kHeldOut : Split::kTrain;
    options.kinds = act.asked ? options_.kinds & kAsked : kFilling;
    for (int i = 0; i < kTries; ++i) {
      Script script;
      script.split = options.split;
      script.width = s_.width;
      script.height = s_.height;
      script.duration_ms = act.length;
      if (!direct(random_.fork(random_.next()), options, &script)) continue;
      if (!act.asked) make_filling(script);
      if (!act.asked && shows_words(script, reserved)) continue;
      if (!fits(script) || !is_cut_off(index, script)) continue;
      act.script = std::move(script);
      return true;
    }
    return false;
  }

  static void make_filling(Script& script) {
    script.events.clear();
    for (Object& object : script.objects) object.target = false;
  }

  static bool shows_words(const Script& script, int group) {
    return std::any_of(script.objects.begin(), script.objects.end(), [&](const Object& object) {
      const Identity& identity = object.identity;
      return identity.type == ObjectType::kWord && identity.value % kWordGroups == group;
    });
  }

  // Whether a question about a target of either is one about nothing else of the other.
  bool fits(const Script& script) const {
    const auto confuses = [](const Object& a, const Object& b) {
      if (!a.target && !b.target) return false;
      const bool same = a.target && b.target && a.identity == b.identity;
      return share_a_name(a.identity, b.identity) && !same;
    };
    return std::none_of(acts_.begin(), acts_.end(), [&](const Act& act) {
      return std::any_of(
          act.script.objects.begin(), act.script.objects.end(), [&](const Object& before) {
            return std::any_of(script.objects.begin(), script.objects.end(),
                               [&](const Object& object) { return confuses(before, object); });
          });
    });
  }

  // Whether a cut is seen on both sides of act `index`, where its neighbours are known.
  bool is_cut_off(size_t index, const Script& script) const {
    const auto differ = [](const Scene& a, const Scene& b) { return a.hue != b.hue; };
    const auto& before = index > 0 ? acts_[index - 1].script.scenes : std::vector<Scene>{};
    const auto& after =
        index + 1 < acts_.size() ? acts_[index + 1].script.scenes : std::vector<Scene>{};
    return (before.empty() || differ(before.back(), script.scenes.front())) &&
           (after.empty() || differ(script.scenes.back(), after.front()));
  }

  void append(const Act& act) {
    for (Scene scene : act.script.scenes) {
      scene.start_ms += act.start;
      s_.scenes.push_back(scene);
    }
    for (const Event& event : act.script.events) {
      if (event.kind == Kind::kCut) {
        cuts_.push_back(static_cast<int>(s_.scenes.size() - act.script.scenes.size()) +
                        event.scene);
      } else {
        asked_.push_back({event.kind, act.script.objects[event.object].identity});
      }
    }
    for (Object object : act.script.objects) {
      for (Stay& stay : object.stays) {
        stay.span = {stay.span.start + act.start, stay.span.end + act.start};
        for (Key& key : stay.path) key.ms += act.start;
      }
      s_.objects.push_back(std::move(object));
    }
  }

  // One event for all times that something happens, or for one of these times.
  void add(Event event, std::vector<Span> spans) {
    const bool order = options_.allows(Kind::kOrder), all = options_.allows(Kind::kAll);
    if (event.kind == Kind::kOrder || event.kind == Kind::kAll) event.kind = Kind::kVisible;
    if (spans.size() == 1 ? !options_.allows(event.kind) : !order && !all) return;
    if (spans.size() > 1 && event.kind != Kind::kCut) {
      event.kind = !all || (order && random_.chance(50)) ? Kind::kOrder : Kind::kAll;
      if (event.kind == Kind::kOrder) {
        event.ordinal = static_cast<Ordinal>(random_.below(3));
        spans = {event.ordinal == Ordinal::kFirst    ? spans[0]
                 : event.ordinal == Ordinal::kSecond ? spans[1]
                                                     : spans.back()};
      }
    }
    event.spans = std::move(spans);
    s_.events.push_back(std::move(event));
  }

  void ask_about_objects() {
    std::vector<Identity> known;
    for (const auto& [kind, identity] : asked_) {
      if (std::find(known.begin(), known.end(), identity) != known.end()) continue;
      known.push_back(identity);
      Event event;
      event.kind = kind;
      std::vector<Span> spans;
      for (size_t i = 0; i < s_.objects.size(); ++i) {
        if (!s_.objects[i].target || !(s_.objects[i].identity == identity)) continue;
        event.object = static_cast<int>(i);
        for (const Stay& stay : s_.objects[i].stays) spans.push_back(stay.span);
      }
      add(std::move(event), std::move(spans));
    }
  }

  void ask_about_cuts() {
    std::vector<std::pair<int, int>> known;  // pattern and hue
    for (const int index : cuts_) {
      const Scene wanted = s_.scenes[index];
      const std::pair look{wanted.pattern, wanted.hue};
      if (std::find(known.begin(), known.end(), look) != known.end()) continue;
      known.push_back(look);
      Event event;
      event.kind = Kind::kCut;
      event.scene = index;
      std::vector<Span> spans;
      for (size_t i = 0; i < s_.scenes.size(); ++i) {
        const Scene& scene = s_.scenes[i];
        if (scene.pattern != wanted.pattern || scene.hue != wanted.hue) continue;
        const int end = i + 1 < s_.scenes.size() ? s_.scenes[i + 1].start_ms : s_.duration_ms;
        spans.push_back({scene.start_ms, end});
      }
      add(std::move(event), std::move(spans));
    }
  }

  struct Asked {
    Kind kind;
    Identity identity;
  };

  Random random_;
  const ScriptOptions& options_;
  Script& s_;
  std::vector<Act> acts_;
  std::vector<Asked> asked_;
  std::vector<int> cuts_;  // scenes that are asked about
};

}  // namespace

bool direct_acts(Random random, const ScriptOptions& options, Script* script) {
  return Acts(random, options, script).run();
}

}  // namespace shijian::synth
