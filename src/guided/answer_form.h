// The form that an answer has to have: one JSON text, or calls of tools.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "guided/json_grammar.h"

namespace shijian::guided {

// Immutable.
class AnswerForm {
 public:
  struct Tool {
    std::string name;
    JsonGrammar arguments;  // objects
  };
  explicit AnswerForm(JsonGrammar json);
  // Calls as the chat templates write them, of these tools and no others, with nothing between: one
  // or, where `many`, one and more. There is a tool.
  AnswerForm(const std::vector<Tool>& tools, bool many);

  bool calls() const { return !heads_.empty(); }

 private:
  friend class AnswerState;

  std::vector<std::string> heads_;  // of the tools: what comes before their arguments
  std::vector<JsonGrammar> json_;   // of the arguments of each; or the one of the answer
  bool many_ = false;
};

// State of a partial answer. It is advanced byte by byte, except for the marks of tool calls, which
// are single tokens. Copies are independent; `form` outlives them.
class AnswerState {
 public:
  explicit AnswerState(const AnswerForm& form);

  enum class Mark { kNone, kCall, kCallEnd };
  Mark mark() const;  // the mark that must come next, if any
  void push_mark();   // consumes that mark
  // False, and the state is of no more use, when no answer of the form goes on with this byte.
  bool push(uint8_t byte);
  bool complete() const;
  bool operator==(const AnswerState& other) const = default;

 private:
  enum class Step : uint8_t {
    kCall,  // its mark
    kHead,
    kJson,
    kTail,
    kCallEnd,  // its mark
    kEnd,
  };
  bool head(uint8_t byte);
  bool tail(uint8_t byte);

  const AnswerForm* form_;
  Step step_;
  uint32_t tool_ = 0;    // kHead: the first one whose head begins like what was written
  uint32_t length_ = 0;  // kHead, kTail: how much of it was
  JsonState json_;
};

}  // namespace shijian::guided
