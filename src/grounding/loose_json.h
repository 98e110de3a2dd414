// JSON as models write it when they do not quite write JSON: single quotes, bare words, trailing
// or missing commas, Python's tuples, brackets that never close. Internal to the answer parser.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace shijian::grounding {

struct LooseValue {
  enum class Kind { kScalar, kString, kArray, kObject };
  Kind kind = Kind::kScalar;
  size_t begin = 0, end = 0;      // bytes of the text, quotes and brackets left out
  std::vector<LooseValue> items;  // of an array; of an object: the values
  std::vector<LooseValue> keys;   // of an object, one for each item
  bool closed = true;             // false where the text ended, or another bracket closed it
};

struct LooseParse {
  LooseValue value;
  size_t end = 0;          // one past the last byte used
  bool malformed = false;  // a strict parser would refuse it, other than for a missing end
  bool cut = false;        // the text ended inside it
};

// Parses the value that starts at `at` with '[', '{' or (inside only) '('. Deeper nesting than 32
// is read as if it were not there. Never fails: at worst the value is empty.
LooseParse parse_loose(std::string_view text, size_t at);

// Parses the members of an object whose '{' is missing before `at`: `"start": 1.0, "end": 2.0}`.
LooseParse parse_loose_members(std::string_view text, size_t at);

// The text of a string with escapes resolved (\n becomes a space).
std::string unescape(std::string_view raw);

}  // namespace shijian::grounding
