#include "synth/questions.h"

#include <fmt/args.h>

#include <algorithm>
#include <array>

#include "synth/random.h"
#include "synth/world.h"

namespace shijian::synth {
namespace {

// {x}, {y}: objects; {c}: a colour; {b}: a background; {n}: which time.
using Templates = std::vector<std::string_view>;
const std::array<Templates, kKindCount - 1> kEnglish{{
    /* visible */ {"When is {x} visible?", "When is {x} on screen?", "When can {x} be seen?",
                   "At what time is {x} in the picture?", "Find the moment when {x} is visible."},
    /* appear */
    {"When does {x} appear?", "At what time does {x} appear?", "When does {x} show up?",
     "When does {x} come into view?", "Find the moment when {x} appears."},
    /* leave */
    {"When does {x} leave?", "When does {x} disappear?", "At what time does {x} leave the screen?",
     "Find the moment when {x} disappears."},
    /* move */
    {"When does {x} move?", "When is {x} moving?", "At what time does {x} move?",
     "Find the moment when {x} moves."},
    /* stop */
    {"When does {x} stop?", "When does {x} stop moving?", "At what time does {x} stop?",
     "Find the moment when {x} stops moving."},
    /* colour */
    {"When does {x} change colour to {c}?", "When does {x} change color to {c}?",
     "When does {x} turn {c}?", "When does {x} become {c}?", "Find the moment when {x} turns {c}."},
    /* touch */
    {"When does {x} touch {y}?", "When do {x} and {y} touch?",
     "At what time do {x} and {y} touch each other?", "Find the moment when {x} touches {y}."},
    /* text */
    {"When is {x} on screen?", "When is {x} shown?", "When does {x} appear?",
     "When can {x} be read?", "Find the moment when {x} is on screen."},
    /* digit */
    {"When is {x} on screen?", "When is {x} shown?", "When does {x} appear?",
     "At what time is {x} visible?", "Find the moment when {x} is on screen."},
    /* cut */
    {"When does the scene cut to {b}?", "When does the scene change to {b}?",
     "When does the background change to {b}?", "At what time does the picture cut to {b}?",
     "Find the moment when the scene cuts to {b}."},
    /* order */
    {"When does {x} appear for the {n} time?", "When is {x} visible for the {n} time?",
     "Find the {n} time {x} appears."},
    /* all */
    {"When are all the times {x} appears?", "List all the times {x} is visible.",
     "Find every moment when {x} is on screen.", "At what times does {x} appear?"},
}};
const std::array<Templates, kKindCount - 1> kChinese{{
    /* visible */ {"{x}什么时候可见？", "什么时候能看到{x}？", "{x}在哪段时间可见？",
                   "{x}什么时候在画面中？", "找出{x}可见的时间段。"},
    /* appear */
    {"{x}什么时候出现？", "{x}在何时出现？", "{x}什么时候出现在画面中？", "找出{x}出现的时间段。"},
    /* leave */
    {"{x}什么时候离开？", "{x}什么时候消失？", "{x}在何时离开画面？", "找出{x}消失的时间段。"},
    /* move */
    {"{x}什么时候移动？", "{x}在何时移动？", "{x}什么时候在移动？", "找出{x}移动的时间段。"},
    /* stop */
    {"{x}什么时候停下？", "{x}什么时候停止移动？", "{x}在何时停下？", "找出{x}停止移动的时间段。"},
    /* colour */
    {"{x}什么时候变成{c}？", "{x}什么时候变为{c}？", "{x}的颜色什么时候变成{c}？",
     "找出{x}变成{c}的时间段。"},
    /* touch */
    {"{x}什么时候碰到{y}？", "{x}和{y}什么时候接触？", "{x}和{y}在何时接触？",
     "找出{x}碰到{y}的时间段。"},
    /* text */
    {"什么时候画面中有{x}？", "{x}什么时候出现？", "{x}什么时候显示在屏幕上？",
     "什么时候能看到{x}？", "找出{x}出现的时间段。"},
    /* digit */
    {"什么时候画面中有{x}？", "{x}什么时候出现？", "{x}什么时候显示在屏幕上？",
     "什么时候能看到{x}？", "找出{x}出现的时间段。"},
    /* cut */
    {"场景什么时候切换到{b}？", "画面什么时候切换到{b}？", "背景什么时候变成{b}？",
     "找出场景切换到{b}的时间段。"},
    /* order */ {"{x}什么时候{n}出现？", "{x}{n}出现是什么时候？", "找出{x}{n}出现的时间段。"},
    /* all */ {"{x}都在什么时候出现？", "列出{x}每一次出现的时间段。", "找出{x}出现的所有时间段。"},
}};
constexpr std::array<Name, 3> kOrdinals{
    {{"first", "第一次"}, {"second", "第二次"}, {"last", "最后一次"}}};

// What a question is about, whether or not it happens.
struct Topic {
  Kind kind = Kind::kVisible;
  Identity x, y;
  int colour = 0;
  int pattern = 0, hue = 0;
  Ordinal ordinal = Ordinal::kFirst;
};

class Asker {
 public:
  explicit Asker(const Script& script) : s_(script), random_(Random(script.key).fork(11)) {}

  std::vector<Question> ask(int most, int rounds) {
    const bool absent = (s_.kinds >> static_cast<int>(Kind::kAbsent)) & 1;
    const auto full = [&] { return static_cast<int>(questions_.size()) >= most; };
    std::vector<size_t> order(s_.events.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    for (int round = 0; round < rounds; ++round) {
      random_.shuffle(order);
      for (const size_t i : order) {
        if (absent && !full() && random_.chance(25)) add_absent();
        if (!full()) add(topic_of(s_.events[i]), s_.events[i].kind, s_.events[i].spans);
      }
    }
    if (absent && questions_.size() < 2 && !full()) add_absent();
    random_.shuffle(questions_);
    return std::move(questions_);
  }

 private:
  // ---- wording ---------------------------------------------------------------------------------
  std::string subject(const Identity& x, bool chinese) {
    const auto colour = chinese ? kColours[x.colour].chinese : kColours[x.colour].english;
    if (x.type == ObjectType::kShape) {
      if (!chinese) return fmt::format("the {} {}", colour, kShapes[x.value].english);
      return fmt::format("{}{}{}", colour, random_.chance(60) ? "的" : "",
                         kShapes[x.value].chinese);
    }
    const bool coloured = random_.chance(40);
    const bool word = x.type == ObjectType::kWord;
    if (chinese) {
      const auto noun = word ? (random_.chance(50) ? "文字" : "单词") : "数字";
      return fmt::format("{}{}{}", coloured ? fmt::format("{}的", colour) : "", noun, x.text());
    }
    const auto noun = word ? (random_.chance(70) ? "word" : "text")
                           : (x.value < 10 && random_.chance(50) ? "digit" : "number");
    return fmt::format("the {}{} {}", coloured ? fmt::format("{} ", colour) : "", noun, x.text());
  }

  static std::string background(int pattern, int hue, bool chinese) {
    if (chinese) return fmt::format("{}{}背景", kHues[hue].chinese, kPatterns[pattern].chinese);
    switch (static_cast<Pattern>(pattern)) {
      case Pattern::kPlain:
        return fmt::format("plain {}", kHues[hue].english);
      case Pattern::kCheckerboard:
      case Pattern::kGradient:
        return fmt::format("a {} {}", kHues[hue].english, kPatterns[pattern].english);
      default:
        return fmt::format("{} {}", kHues[hue].english, kPatterns[pattern].english);
    }
  }

  // False when the same words were already used.
  bool add(const Topic& topic, Kind kind, std::vector<Span> spans) {
    const bool chinese = random_.chance(45);
    const auto& templates = (chinese ? kChinese : kEnglish)[static_cast<int>(topic.kind)];
    const std::string_view wording = random_.pick(templates);
    const auto name = [&](const Name& n) { return chinese ? n.chinese : n.english; };
    const std::string x = subject(topic.x, chinese), y = subject(topic.y, chinese);
    Question question;
    question.query = fmt::format(fmt::runtime(wording), fmt::arg("x", x), fmt::arg("y", y),
                                 fmt::arg("c", name(kColours[topic.colour])),
                                 fmt::arg("b", background(topic.pattern, topic.hue, chinese)),
                                 fmt::arg("n", name(kOrdinals[static_cast<int>(topic.ordinal)])));
    question.kind = kind;
    question.language = chinese ? "zh" : "en";
    question.spans = std::move(spans);
    for (const Question& other : questions_) {
      if (other.query == question.query) return false;
    }
    questions_.push_back(std::move(question));
    return true;
  }

  Topic topic_of(const Event& event) const {
    Topic topic;
    topic.kind = event.kind;
    topic.ordinal = event.ordinal;
    if (event.object >= 0) topic.x = s_.objects[event.object].identity;
    if (event.other >= 0) topic.y = s_.objects[event.other].identity;
    if (event.colour >= 0) topic.colour = event.colour;
    if (event.scene >= 0) {
      topic.pattern = s_.scenes[event.scene].pattern;
      topic.hue = s_.scenes[event.scene].hue;
    }
    return topic;
  }

  // ---- what never happens ----------------------------------------------------------------------
  bool allowed(const Identity& identity) const {
    return identity.held_out() == (s_.split == Split::kHeldOut);
  }

  bool on_screen(const Identity& identity) const {
    return std::any_of(s_.objects.begin(), s_.objects.end(), [&](const Object& object) {
      if (object.identity.type != identity.type || object.identity.value != identity.value) {
        // A digit can be read inside a longer number.
        return identity.type == ObjectType::kNumber &&
               object.identity.type == ObjectType::kNumber &&
               object.identity.text().find(identity.text()) != std::string::npos;
      }
      if (identity.type != ObjectType::kShape)
        return true;  // questions may leave a text's colour out
      return object.identity.colour == identity.colour ||
             std::any_of(
                 object.changes.begin(), object.changes.end(),
                 [&](const ColourChange& change) { return change.colour == identity.colour; });
    });
  }

  // Something that is not in the clip but resembles what is.
  std::optional<Identity> near_miss(ObjectType type) {
    std::vector<Identity> present;
    for (const Object& object : s_.objects) {
      if (object.identity.type == type) present.push_back(object.identity);
    }
    for (int i = 0; i < 60; ++i) {
      Identity wanted{type, 0, s_.objects.empty() ? 0 : random_.pick(s_.objects).identity.colour};
      switch (type) {
        case ObjectType::kShape:
          wanted.value = !present.empty() && random_.chance(80) ? random_.pick(present).value
                                                                : random_.below(kShapes.size());
          if (random_.chance(30)) wanted.colour = random_.below(kColours.size());
          break;
        case ObjectType::kWord:
          wanted.value = random_.below(kWords.size());
          break;
        case ObjectType::kNumber: {
          wanted.value = random_.chance(45) ? random_.below(10) : random_.between(10, 99);
          if (!present.empty() && random_.chance(60)) {  // one digit apart, or turned round
            const int n = random_.pick(present).value;
            if (n >= 10) {
              const int draw = random_.below(3);
              wanted.value = draw == 0   ? n % 10 * 10 + n / 10
                             : draw == 1 ? n / 10 * 10 + random_.below(10)
                                         : random_.between(1, 9) * 10 + n % 10;
              if (wanted.value < 10) continue;
            }
          }
          break;
        }
      }
      if (i > 30) wanted.colour = random_.below(kColours.size());
      if (allowed(wanted) && !on_screen(wanted)) return wanted;
    }
    return std::nullopt;
  }

  // A target that is there, but to which nothing of this kind happens.
  std::optional<Identity> idle_target(Kind kind) {
    std::vector<Identity> idle;
    for (size_t i = 0; i < s_.objects.size(); ++i) {
      const Object& object = s_.objects[i];
      if (!object.target || !happens_not(kind, object)) continue;
      idle.push_back(object.identity);
    }
    if (idle.empty()) return std::nullopt;
    return random_.pick(idle);
  }

  size_t stays_of(const Identity& identity) const {
    size_t stays = 0;
    for (const Object& object : s_.objects) {
      if (object.identity == identity) stays += object.stays.size();
    }
    return stays;
  }

  bool happens_not(Kind kind, const Object& object) const {
    switch (kind) {
      case Kind::kLeave:
        return object.stays.size() == 1 && object.stays[0].span.end == s_.duration_ms;
      case Kind::kMove:
        return std::all_of(object.stays.begin(), object.stays.end(),
                           [](const Stay& stay) { return stay.path.size() == 1; });
      case Kind::kColour:
        return object.identity.type == ObjectType::kShape;
      case Kind::kOrder:
        return stays_of(object.identity) == 1;
      default:
        return false;
    }
  }

  bool add_absent() {
    std::vector<Kind> kinds;
    for (int k = 0; k < kKindCount - 1; ++k) {
      if ((s_.kinds >> k) & 1) kinds.push_back(static_cast<Kind>(k));
    }
    for (int tries = 0; tries < 12; ++tries) {
      const auto topic = absent_topic(random_.pick(kinds));
      if (topic && add(*topic, Kind::kAbsent, {})) return true;
    }
    return false;
  }

  std::optional<Topic> absent_topic(Kind kind) {
    Topic topic;
    topic.kind = kind;
    topic.ordinal = static_cast<Ordinal>(random_.below(3));
    if (kind == Kind::kCut) return absent_cut(topic);
    if (kind == Kind::kTouch) return absent_touch(topic);
    const bool idle = random_.chance(50);
    if (auto target = idle ? idle_target(kind) : std::nullopt) {
      topic.x = *target;
      if (kind == Kind::kOrder) topic.ordinal = Ordinal::kSecond;
    } else {
      const ObjectType type = kind == Kind::kText    ? ObjectType::kWord
                              : kind == Kind::kDigit ? ObjectType::kNumber
                                                     : ObjectType::kShape;
      const auto miss = near_miss(type);
      if (!miss) return std::nullopt;
      topic.x = *miss;
    }
    if (kind != Kind::kColour) return topic;
    for (int i = 0; i < 40; ++i) {  // a colour that it never has
      topic.colour = random_.below(kColours.size());
      const Identity changed{topic.x.type, topic.x.value, topic.colour};
      if (s_.split == Split::kTrain && changed.held_out()) continue;
      if (!(changed == topic.x) && !on_screen_as(topic.x, topic.colour)) return topic;
    }
    return std::nullopt;
  }

  // Whether the object that is first seen as `identity` ever has this colour.
  bool on_screen_as(const Identity& identity, int colour) const {
    return std::any_of(s_.objects.begin(), s_.objects.end(), [&](const Object& object) {
      return object.identity == identity &&
             std::any_of(object.changes.begin(), object.changes.end(),
                         [&](const ColourChange& change) { return change.colour == colour; });
    });
  }

  std::optional<Topic> absent_cut(Topic topic) {
    for (int i = 0; i < 60; ++i) {
      topic.pattern =
          random_.chance(60) ? random_.pick(s_.scenes).pattern : random_.below(kPatterns.size());
      topic.hue = random_.chance(60) ? random_.pick(s_.scenes).hue : random_.below(kHues.size());
      if (background_held_out(topic.pattern, topic.hue) != (s_.split == Split::kHeldOut)) continue;
      const bool there = std::any_of(s_.scenes.begin(), s_.scenes.end(), [&](const Scene& scene) {
        return scene.pattern == topic.pattern && scene.hue == topic.hue;
      });
      if (!there) return topic;
    }
    return std::nullopt;
  }

  // Two targets that never touch, or one beside something that is not there.
  std::optional<Topic> absent_touch(Topic topic) {
    std::vector<Identity> shapes;
    for (const Object& object : s_.objects) {
      if (object.target && object.identity.type == ObjectType::kShape)
        shapes.push_back(object.identity);
    }
    if (shapes.empty()) return std::nullopt;
    topic.x = random_.pick(shapes);
    if (random_.chance(50)) {
      const auto miss = near_miss(ObjectType::kShape);
      if (!miss) return std::nullopt;
      topic.y = *miss;
      if (random_.chance(50)) std::swap(topic.x, topic.y);
      return topic;
    }
    topic.y = random_.pick(shapes);
    if (topic.x == topic.y) return std::nullopt;
    // The director keeps all objects apart but the pairs that are to touch.
    for (const Event& event : s_.events) {
      if (event.kind != Kind::kTouch) continue;
      const Identity &a = s_.objects[event.object].identity, &b = s_.objects[event.other].identity;
      if ((topic.x == a && topic.y == b) || (topic.x == b && topic.y == a)) return std::nullopt;
    }
    return topic;
  }

  const Script& s_;
  Random random_;
  std::vector<Question> questions_;
};

}  // namespace

std::vector<Question> make_questions(const Script& script, int most, int rounds) {
  return Asker(script).ask(most, rounds);
}

}  // namespace shijian::synth
