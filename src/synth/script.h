// The script of a synthetic clip: what is on screen when, and which events can be asked about.
//
// Times are whole milliseconds on the timeline of the clip. Lengths are units of 1/1000 of the
// frame's short side, x to the right and y down from the top left corner. No floating point enters
// a script, so a script is the same on every machine.
//
// Meaning of the events; one that begins with a change lasts until that change is undone:
//   visible, text, digit  while X is on screen (X has one stay)
//   appear   from X's appearance until it leaves (X has one stay)
//   leave    from when X leaves until it returns (X is there before and after)
//   move     while X moves; X stands still before and after
//   stop     from when X stops until it moves again or leaves
//   colour   from X's change to another colour until it changes back or leaves
//   touch    while X and Y touch: from when their bounding boxes meet until they part
//   cut      from the cut to background B until the next cut
//   order    the first, second or last stay of X, which has two or three
//   all      all stays of X, which has two or three
//   absent   never happens: no spans
// An event lasts 2 to 8 s and fills at most 30% of its clip (1 to 1.5 s in a clip of 5 s), `all`
// together at most 30%; it keeps 0.5 s from both ends of the clip. Where long stays are asked for
// (ScriptOptions::long_percent), visible, appear, text and digit may last up to the whole clip and
// touch its ends. Objects that are not asked about (at least three a clip) share a shape or a
// colour with those that are, and obey none of this.
//
// A clip of over 60 s is made of acts, each of 10 to 40 s and laid out as a clip of its own. Most
// of them show nothing that is asked about: they are of the other split. In two of five acts
// nothing moves, in the others all does, whether or not something is asked about them. What is
// asked counts through all acts: one who comes in three of them has been there three times.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace shijian::synth {

enum class Kind {
  kVisible,
  kAppear,
  kLeave,
  kMove,
  kStop,
  kColour,
  kTouch,
  kText,
  kDigit,
  kCut,
  kOrder,
  kAll,
  kAbsent
};
inline constexpr int kKindCount = 13;
std::string_view kind_name(Kind kind);
std::optional<Kind> parse_kind(std::string_view name);

enum class Split { kTrain, kHeldOut };

struct FrameRate {
  int numerator = 24;
  int denominator = 1;
  double value() const { return static_cast<double>(numerator) / denominator; }
};

// Of a clip in which nobody asks what moves: some of it moves, nothing, or all.
enum class Activity { kMixed, kStill, kBusy };

inline constexpr int kLongestAct = 60'000;  // ms of a clip that is one act

struct ScriptOptions {
  Split split = Split::kTrain;
  int min_ms = 10000;
  int max_ms = 30000;             // clips last min_ms..max_ms; all within 5..60 s or 60..14400
  std::optional<FrameRate> rate;  // else one of the usual rates
  int width = 0, height = 0;      // pixels; 0: one of the usual sizes
  uint32_t kinds = (1u << kKindCount) - 1;  // bit i allows Kind i
  // Of 100 events of the kinds visible, appear, text and digit so many last over 30% of the clip,
  // half of these from its first frame to its last.
  int long_percent = 0;
  Activity activity = Activity::kMixed;

  bool allows(Kind kind) const { return (kinds >> static_cast<int>(kind)) & 1; }
};

struct Span {  // [start, end) in milliseconds
  int start = 0;
  int end = 0;
  bool operator==(const Span&) const = default;
};

struct Key {  // the centre of an object at a time; linear in between
  int ms, x, y;
};

struct Box {  // [left, right) x [top, bottom)
  int left, top, right, bottom;
  bool meets(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

struct Stay {
  Span span;
  std::vector<Key> path;  // at least one; still before the first and after the last
  Box reach;              // holds the object's bounding box during the whole stay
};

enum class ObjectType { kShape, kWord, kNumber };

struct Identity {
  ObjectType type = ObjectType::kShape;
  int value = 0;   // index into kShapes or kWords, or the number itself
  int colour = 0;  // index into kColours
  bool operator==(const Identity&) const = default;
  std::string text() const;  // of a word or number; empty for a shape
  bool held_out() const;
};

struct ColourChange {
  int ms;
  int colour;
};

struct Object {
  Identity identity;                    // as it first appears
  int half_width = 0, half_height = 0;  // of the bounding box, units
  int cell = 0;                         // side of a glyph's cell, units; texts only
  bool plate = false;                   // a text on a dark plate
  bool target = false;
  std::vector<Stay> stays;            // in order, apart
  std::vector<ColourChange> changes;  // in order
};

struct Scene {
  int start_ms = 0;
  int pattern = 0;  // index into kPatterns
  int hue = 0;      // index into kHues
};

enum class Ordinal { kFirst, kSecond, kLast };

struct Event {
  Kind kind = Kind::kVisible;
  int object = -1;                    // into objects; -1 for a cut
  int other = -1;                     // kTouch
  int colour = -1;                    // kColour: what it changes to
  int scene = -1;                     // kCut
  Ordinal ordinal = Ordinal::kFirst;  // kOrder
  std::vector<Span> spans;
};

struct Script {
  uint64_t key = 0;  // seeds whatever else is drawn at random for this clip
  Split split = Split::kTrain;
  uint32_t kinds = 0;
  int width = 0, height = 0;  // pixels
  FrameRate rate;
  int frames = 0;
  int duration_ms = 0;        // frames / rate, rounded down
  std::vector<Scene> scenes;  // the first starts at 0
  std::vector<Object> objects;
  std::vector<Event> events;  // in no particular order

  int short_side() const { return width < height ? width : height; }
};

// Clip `index` of the endless sequence that `seed` and `options` name. Pure and thread-safe.
// Throws Error(kUsage) when the options cannot be met.
Script make_script(uint64_t seed, int64_t index, const ScriptOptions& options);

// Where an object is at a time, for drawing. Empty while it is not on screen.
struct Placement {
  double x, y;  // centre, units
  int colour;
};
std::optional<Placement> placement_at(const Object& object, double ms);
// Index of the scene at a time.
int scene_at(const Script& script, double ms);

}  // namespace shijian::synth
