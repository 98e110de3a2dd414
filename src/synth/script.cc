#include "synth/script.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "synth/acts.h"
#include "synth/director.h"
#include "synth/random.h"
#include "synth/world.h"

namespace shijian::synth {
namespace {

constexpr std::array<std::string_view, kKindCount> kKindNames{
    {"visible", "appear", "leave", "move", "stop", "colour", "touch", "text", "digit", "cut",
     "order", "all", "absent"}};

constexpr int kSizes[][2] = {{160, 120}, {160, 120}, {176, 144}, {192, 108}, {128, 128},
                             {120, 160}, {144, 176}, {256, 144}, {200, 150}};
constexpr int kLongestClip = 14'400'000;  // ms
constexpr FrameRate kRates[] = {{10, 1}, {12, 1},       {15, 1}, {24, 1},
                                {25, 1}, {30000, 1001}, {30, 1}};

void check_options(const ScriptOptions& o) {
  const bool one_act = o.max_ms <= kLongestAct;
  if (o.min_ms < (one_act ? 5000 : kLongestAct) || o.max_ms > kLongestClip || o.min_ms > o.max_ms) {
    throw Error(ErrorCode::kUsage,
                "synth: clips of {}-{} s"_text(o.min_ms / 1000.0, o.max_ms / 1000.0),
                "give --seconds A-B with 5 <= A <= B <= 60, or 60 <= A <= B <= 14400"_text);
  }
  if (!one_act && o.split == Split::kTrain) {
    throw Error(ErrorCode::kUsage, "synth: clips of over 60 s are held out"_text,
                "add --split heldout"_text);
  }
  if (o.width != 0 || o.height != 0) {
    const bool fits = o.width >= 96 && o.height >= 96 && o.width <= 1920 && o.height <= 1920;
    if (!fits || o.width % 2 != 0 || o.height % 2 != 0 ||
        std::max(o.width, o.height) > 2 * std::min(o.width, o.height)) {
      throw Error(
          ErrorCode::kUsage, "synth: frames of {}x{}"_text(o.width, o.height),
          "give --size WxH with even sides of 96 to 1920 pixels, none over twice the other"_text);
    }
  }
  if (o.rate && (o.rate->denominator < 1 || o.rate->value() < 4 || o.rate->value() > 60)) {
    throw Error(ErrorCode::kUsage, "synth: {} frames a second"_text(o.rate->value()),
                "give --fps with a rate of 4 to 60"_text);
  }
  if (o.long_percent < 0 || o.long_percent > 100) {
    throw Error(ErrorCode::kUsage, "synth: {} of 100 events are long"_text(o.long_percent),
                "give --long with a share of 0 to 100 percent"_text);
  }
  const uint32_t happening = o.kinds & ~(1u << static_cast<int>(Kind::kAbsent));
  if (happening == 0) {
    throw Error(ErrorCode::kUsage, "synth: no kind of event is allowed"_text,
                "name a kind besides absent"_text);
  }
  // Two stays of 2 s are 30% of no less.
  if (happening == 1u << static_cast<int>(Kind::kAll) && o.max_ms < 15000) {
    throw Error(
        ErrorCode::kUsage,
        "synth: clips of at most {} s are too short for the kind all"_text(o.max_ms / 1000.0),
        "allow 15 s or more, or another kind"_text);
  }
}

}  // namespace

std::string_view kind_name(Kind kind) { return kKindNames[static_cast<int>(kind)]; }

std::optional<Kind> parse_kind(std::string_view name) {
  const auto found = std::find(kKindNames.begin(), kKindNames.end(), name);
  if (found == kKindNames.end()) return std::nullopt;
  return static_cast<Kind>(found - kKindNames.begin());
}

std::string Identity::text() const {
  if (type == ObjectType::kWord) return std::string(kWords[value]);
  return type == ObjectType::kNumber ? fmt::format("{}", value) : std::string();
}

bool Identity::held_out() const {
  switch (type) {
    case ObjectType::kShape:
      return shape_held_out(value, colour);
    case ObjectType::kWord:
      return word_held_out(value, colour);
    case ObjectType::kNumber:
      return number_held_out(value, colour);
  }
  return false;
}

Script make_script(uint64_t seed, int64_t index, const ScriptOptions& options) {
  check_options(options);
  const Random base = Random(seed).fork(options.split == Split::kTrain ? 1 : 2).fork(index);
  // A plan can paint itself into a corner (no free place, no free combination): then the next try
  // starts afresh. Most succeed at once.
  for (int attempt = 0; attempt < 200; ++attempt) {
    Random random = base.fork(attempt);
    Script script;
    const uint64_t high = random.next();
    script.key = (high << 32) | random.next();
    script.split = options.split;
    script.kinds = options.kinds;
    const auto& size = kSizes[random.below(std::size(kSizes))];
    script.width = options.width > 0 ? options.width : size[0];
    script.height = options.height > 0 ? options.height : size[1];
    const FrameRate& rate = kRates[random.below(std::size(kRates))];
    script.rate = options.rate.value_or(rate);
    // The longest of three draws: short clips make guessing easy, so they are the rarer.
    int64_t ms = 0;
    for (int i = 0; i < 3; ++i) {
      ms = std::max<int64_t>(ms, random.between(options.min_ms, options.max_ms));
    }
    const int64_t per_frame = int64_t{1000} * script.rate.denominator;
    script.frames = static_cast<int>((ms * script.rate.numerator + per_frame / 2) / per_frame);
    script.duration_ms = static_cast<int>(script.frames * per_frame / script.rate.numerator);
    const bool one_act = options.max_ms <= kLongestAct;
    const auto fill = one_act ? direct : direct_acts;
    if (fill(random.fork(7), options, &script)) return script;
  }
  throw Error(ErrorCode::kUnsupported,
              "synth: no clip fits the options (seed {}, clip {})"_text(seed, index),
              "allow more kinds, longer clips or another size"_text);
}

std::optional<Placement> placement_at(const Object& object, double ms) {
  for (const Stay& stay : object.stays) {
    if (ms < stay.span.start || ms >= stay.span.end) continue;
    Placement at{};
    at.colour = object.identity.colour;
    for (const ColourChange& change : object.changes) {
      if (ms >= change.ms) at.colour = change.colour;
    }
    size_t next = 0;
    while (next < stay.path.size() && stay.path[next].ms <= ms) ++next;
    const Key& before = stay.path[next == 0 ? 0 : next - 1];
    at.x = before.x;
    at.y = before.y;
    if (next > 0 && next < stay.path.size()) {
      const Key& after = stay.path[next];
      const double share = (ms - before.ms) / (after.ms - before.ms);
      at.x += share * (after.x - before.x);
      at.y += share * (after.y - before.y);
    }
    return at;
  }
  return std::nullopt;
}

int scene_at(const Script& script, double ms) {
  int scene = 0;
  for (size_t i = 1; i < script.scenes.size(); ++i) {
    if (ms >= script.scenes[i].start_ms) scene = static_cast<int>(i);
  }
  return scene;
}

}  // namespace shijian::synth
