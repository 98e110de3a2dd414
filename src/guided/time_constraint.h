// Keeps a generation to the answers of a form of times, and tells which tokens need no model.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "guided/time_form.h"
#include "guided/token_walk.h"
#include "text/tokenizer.h"

namespace shijian::guided {

// One generation; not movable. `tokens` outlives it.
class TimeConstraint {
 public:
  // The answer begins with the first token or, where `after` is given, follows the first such
  // token. `stop_tokens` are let through when it is complete.
  TimeConstraint(TimeForm form, const TokenOrder& tokens, const text::Tokenizer& tokenizer,
                 std::span<const int32_t> stop_tokens, std::optional<int32_t> after = {});
  TimeConstraint(const TimeConstraint&) = delete;
  TimeConstraint& operator=(const TimeConstraint&) = delete;

  // A token was generated: one that edit() had left, or of forced(), unless the answer waits for
  // `after`.
  void take(int32_t token) { walk_.take(token); }
  // Bans every token that may not come next. scores: [vocab].
  void edit(std::span<float> scores) { walk_.edit(scores); }
  // The tokens that must come next, as the tokenizer encodes the words that they are part of,
  // whatever follows these. None of them is a digit.
  std::vector<int32_t> forced() const;

 private:
  const TimeForm form_;
  TokenWalk<TimeState> walk_;
};

}  // namespace shijian::guided
