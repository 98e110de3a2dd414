// How sure the model was of the times it wrote, from the probabilities of its tokens.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "grounding/event.h"

namespace shijian::grounding {

struct TokenAlternative {
  std::string bytes;   // what the token decodes to; may be a part of a character
  double logprob = 0;  // natural logarithm of its probability, <= 0
};

// One generated token. The bytes of all tokens, end to end, are the text that the ranges of the
// events count in.
struct GeneratedToken {
  int id = 0;
  std::string bytes;
  double logprob = 0;
  std::vector<TokenAlternative> top;  // likeliest first, the chosen one among them; may be empty
};

// Sets the confidence of each event, and evidence.times: the geometric mean of the probabilities of
// the tokens that hold the digits of its start and its end,
//     exp((1 / n) * sum of logprob), n = digit tokens of both boundaries,
// times nothing else, at most `trust`. 1 means that every digit was certain; a digit chosen at
// random among ten gives 0.1. Events without written times, and calls without tokens, get none.
//
// Where every digit is a token of its own and the alternatives are known, a boundary also gets an
// uncertainty: 1.645 times the square root of the sum over its digits of (place value)^2 * variance
// of the digit, the variance taken over the digits among the alternatives, renormalised. (Nine of
// ten values of a normal distribution lie within 1.645 standard deviations.)
void set_confidence(std::span<Event> events, std::string_view text,
                    std::span<const GeneratedToken> tokens, double trust);

// How likely the model found it that something occurs, where its answers have a fixed form: the
// probability of the words before the first digit of `events`, or where there are none of not
// having said so. Thoughts do not count. Empty without tokens.
std::optional<double> presence(std::span<const Event> events, std::string_view text,
                               std::span<const GeneratedToken> tokens);

// Adds what sampling leaves open to both uncertainties of each event: a boundary may lie anywhere
// between two slots, and nine tenths of the gap around it are within 0.45 of the gap, the square of
// which joins that of the digits. slot_times: [slots], sorted; fewer than two change nothing.
void add_sampling_uncertainty(std::span<Event> events, std::span<const double> slot_times);

}  // namespace shijian::grounding
