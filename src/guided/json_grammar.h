// What a JSON text may look like, byte by byte: for answers that have to be JSON of a given form.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "guided/utf8_state.h"

namespace shijian::guided {

// The texts that a grammar lets through are valid JSON and conform to its schema. They are not all
// such texts: properties come in the schema's order, objects with "properties" have no others,
// numbers have at most 15 digits before and after the point and two in the exponent, \u escapes
// name no surrogates, blanks between tokens and nesting are limited. Immutable.
class JsonGrammar {
 public:
  static JsonGrammar any_object();
  // The subset of JSON Schema: type, enum, const, properties, required, additionalProperties,
  // items, minItems, maxItems, anyOf, and $ref to a place in the same schema, recursive ones too;
  // annotations such as title and description say nothing about the form. Throws Error:
  // kUnsupported naming any other keyword, kUsage for a schema that makes no sense or that nothing
  // conforms to. Messages name the place as "/properties/a".
  static JsonGrammar of_schema(const OrderedJson& schema);
  // Those of its texts that are objects. Error(kUsage) when there are none.
  static JsonGrammar of_object_schema(const OrderedJson& schema);

  static constexpr int kMaxDepth = 32;  // of arrays and objects
  // Readings of a text that are followed at once, where the first bytes do not decide between the
  // schemas of an anyOf. Beyond it the later schemas are left out.
  static constexpr size_t kMaxBranches = 16;

 private:
  friend class JsonBranch;
  friend class JsonState;
  friend class SchemaReader;

  struct Property {
    std::string name;  // as JSON text, with its quotes
    bool required = false;
    uint32_t value = 0;  // a node
  };
  // What a value may be; its first byte decides between the kinds.
  struct Node {
    std::vector<uint32_t> any_of;  // not empty: any of these nodes, none of which has an any_of
    bool string = false, number = false, integer = false, array = false, object = false;
    std::vector<std::string> literals;  // JSON texts
    uint32_t items = 0;                 // the node of an array's values
    uint32_t min_items = 0, max_items = UINT32_MAX;
    bool any_names = false;  // of an object: any names with any values
    std::vector<Property> properties;
    // Arrays and objects inside each other, itself included, that the smallest value of that kind
    // has, and the smallest of any kind.
    int array_depth = 1, object_depth = 1, depth = 0;
  };

  static constexpr uint32_t kAny = 0;  // the node of any value, always there
  JsonGrammar();

  std::vector<Node> nodes_;
  uint32_t root_ = kAny;
};

// State of one parse of a text, after the bytes pushed so far.
class JsonBranch {
 public:
  explicit JsonBranch(const JsonGrammar& grammar);
  JsonBranch(const JsonBranch& other) { *this = other; }
  JsonBranch& operator=(const JsonBranch& other);

  // Consumes a byte. Returns false and invalidates the branch when this parse rejects the byte.
  // Appends further parses that begin with it to `others`.
  bool push(uint8_t byte, std::vector<JsonBranch>& others);
  bool complete() const;
  bool operator==(const JsonBranch& other) const;

 private:
  enum class Place : uint8_t {
    kValue,      // a value begins
    kFirstItem,  // after '['
    kFirstName,  // after '{'
    kNextName,   // after ',' in an object
    kColon,
    kAfterValue,  // in an array or object
    kString,      // inside a value
    kAnyName,     // inside a name of an object with any names
    kName,        // inside the name of a property
    kNumber,
    kLiteral,
    kEnd,
  };
  enum class Number : uint8_t { kMinus, kZero, kDigits, kPoint, kFraction, kE, kSign, kExponent };
  struct Frame {
    bool array = false;
    uint32_t node = 0;
    uint32_t count = 0;  // of an array: its values; of an object: the property that may come next
    bool operator==(const Frame&) const = default;
  };
  // Everything but the frames.
  struct Cursor {
    uint32_t value = 0;   // the node of the value that comes or is being written
    uint32_t word = 0;    // kName, kLiteral: the first word that begins like what was written ...
    uint32_t length = 0;  // ... and how much of it was
    Place place = Place::kValue;
    uint8_t blanks = 0;  // in a row; see blank()
    Number number = Number::kMinus;
    uint8_t digits = 0;
    uint8_t escape = 0;      // in a string: 1 after '\', 2 to 5 before the digits of \u
    bool surrogate = false;  // the escape begins with d, and may be half of a pair
    Utf8State character;
    bool operator==(const Cursor&) const = default;
  };

  const JsonGrammar::Node& node(uint32_t index) const { return grammar_->nodes_[index]; }
  Frame& top() { return frames_[static_cast<size_t>(depth_ - 1)]; }
  const Frame& top() const { return frames_[static_cast<size_t>(depth_ - 1)]; }
  bool fits(uint32_t value) const { return depth_ + node(value).depth <= JsonGrammar::kMaxDepth; }
  bool blank(uint8_t byte);
  bool begin_value(uint8_t byte, std::vector<JsonBranch>& others);
  bool begin_kind(uint8_t byte);
  bool open(Place place);
  bool close();
  bool object_may_end() const;
  void end_value();
  bool begin_name(uint8_t byte);
  bool name(uint8_t byte);
  bool after_value(uint8_t byte);
  bool text(uint8_t byte, Place end);
  bool number_byte(uint8_t byte);
  bool number_may_end() const;
  bool literal_byte(uint8_t byte);
  bool literal_may_end() const;

  const JsonGrammar* grammar_ = nullptr;
  Cursor at_;
  int depth_ = 0;
  std::array<Frame, JsonGrammar::kMaxDepth> frames_;  // the first depth_ count
};

// State of all parses of a text that are still possible. Copies are cheap and independent;
// `grammar` outlives them.
class JsonState {
 public:
  explicit JsonState(const JsonGrammar& grammar) : first_(grammar) {}

  // False, and the state is of no more use, when no text of the grammar goes on with this byte.
  bool push(uint8_t byte);
  // The text so far is a text of the grammar.
  bool complete() const;
  bool operator==(const JsonState& other) const = default;

 private:
  JsonBranch first_;  // mostly the only one: it needs no memory of its own
  std::vector<JsonBranch> others_;
};

}  // namespace shijian::guided
