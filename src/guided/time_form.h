// The form of an answer that names times: numbers inside the part that was shown, in order, between
// fixed words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/text.h"
#include "guided/utf8_state.h"

namespace shijian::guided {

// The words around the times of an answer. An answer is `denial`, or
//     open START between END label? close_item (next START between END label? close_item)* close
// where a label is `label` and text up to a quotation mark.
struct TimeWords {
  std::string denial;
  std::string open, between, close_item, next, close;
  std::string label;   // empty: events have none
  bool prose = false;  // any text without '[' may come before, or be all there is
};

TimeWords sentence_words(Language language);  // "The event happens in 1.5 - 2.0 seconds."
TimeWords pair_words();                       // [[1.5, 2.0]]
TimeWords object_words();  // any words, [{"start": 1.5, "end": 2.0, "label": "it"}]

// What times may be, on the clock that the model was shown.
struct TimeRange {
  double from = 0, to = 0;  // seconds
  int decimals = 1;         // after the point, at most; 0 to 3
  int most = 64;            // events of an answer
};

// Immutable.
class TimeForm {
 public:
  // The words hold no digits; what may follow a time or an item is told apart by its first byte.
  TimeForm(TimeWords words, const TimeRange& range);

 private:
  friend class TimeState;

  TimeWords words_;
  int64_t from_, to_;  // in units of the last decimal, rounded outwards
  int64_t unit_;       // of these in a second
  int decimals_;
  int most_;
};

// State of a partial answer, advanced byte by byte. Starts are in order, ends are not before their
// starts, and all are in the form's range. Copies are independent; `form` outlives them.
class TimeState {
 public:
  explicit TimeState(const TimeForm& form);

  // False, and the state is of no more use, when no answer of the form goes on with this byte.
  bool push(uint8_t byte);
  bool complete() const;
  bool operator==(const TimeState& other) const = default;

 private:
  enum class Step : uint8_t {
    kProse,
    kHead,  // the beginning of the denial, of what opens, or of both
    kDenial,
    kOpen,
    kStart,
    kBetween,
    kEnd,
    kLabel,
    kLabelText,
    kCloseItem,
    kAfterItem,  // the first byte of what follows decides
    kNext,
    kClose,
    kDone,
  };
  // A time as far as it is written.
  struct Number {
    int64_t value = 0;  // of its digits
    int digits = 0;
    int decimals = -1;  // -1: no point yet
    bool operator==(const Number& other) const = default;
  };

  const std::string* words() const;  // of the step, null where it has none
  bool follow(uint8_t byte);         // the words of the step
  void enter(Step step);
  bool head(uint8_t byte);
  bool number(uint8_t byte);
  bool after_number(uint8_t byte);
  bool after_item(uint8_t byte);
  bool may_become(const Number& number) const;  // a time in range
  int64_t value_of(const Number& number) const;
  int64_t least() const;

  const TimeForm* form_;
  Step step_ = Step::kHead;
  uint32_t length_ = 0;  // written of the step's words, or of a label's text
  Number number_;
  Utf8State character_;  // of a label
  int64_t start_ = 0;    // of the event being written; before, of the one before
  int32_t count_ = 0;    // events that were begun
};

}  // namespace shijian::guided
