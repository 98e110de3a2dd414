#include "grounding/confidence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "grounding/answer.h"

namespace shijian::grounding {
namespace {

// One token for each character, all certain but those that a test changes.
std::vector<GeneratedToken> characters(const std::string& text) {
  std::vector<GeneratedToken> tokens;
  for (char c : text) tokens.push_back({0, std::string(1, c), 0.0, {}});
  return tokens;
}

std::vector<Event> events_of(const std::string& text) {
  AnswerOptions options;
  options.to = 1000;
  return parse_answer(text, options).events;
}

TEST(Confidence, IsTheGeometricMeanOverTheDigits) {
  const std::string text = "at 12.5 - 14.0 seconds";
  auto tokens = characters(text);
  tokens[text.find("5")].logprob = std::log(0.5);
  tokens[text.find("4")].logprob = std::log(0.25);
  tokens[0].logprob = std::log(0.001);               // a word: does not count
  tokens[text.find(".")].logprob = std::log(0.001);  // nor does the point
  auto events = events_of(text);
  set_confidence(events, text, tokens, 1);
  ASSERT_TRUE(events.at(0).confidence);
  EXPECT_NEAR(*events[0].confidence, std::pow(0.5 * 0.25, 1.0 / 6), 1e-12);
}

TEST(Confidence, CertainDigitsGiveOneAndTrustBoundsIt) {
  const std::string text = "[[1.0, 2.0]]";
  auto events = events_of(text);
  set_confidence(events, text, characters(text), 1);
  EXPECT_DOUBLE_EQ(events.at(0).confidence.value(), 1);
  set_confidence(events, text, characters(text), 0.1);
  EXPECT_DOUBLE_EQ(events.at(0).confidence.value(), 0.1);
}

TEST(Confidence, AMomentCountsItsDigitsOnce) {
  const std::string text = "at 7.5 s";
  auto tokens = characters(text);
  tokens[text.find("7")].logprob = std::log(0.25);
  auto events = events_of(text);
  set_confidence(events, text, tokens, 1);
  EXPECT_NEAR(events.at(0).confidence.value(), 0.5, 1e-12);
}

TEST(Confidence, TokensOfSeveralBytesAndEmptyOnes) {
  const std::string text = "从12秒到15秒";
  const std::vector<GeneratedToken> tokens = {
      {1, "从", -9.0, {}},   {2, "", -9.0, {}},  {3, "12", std::log(0.25), {}},
      {4, "秒到", -9.0, {}}, {5, "15", 0.0, {}}, {6, "秒", -9.0, {}}};
  auto events = events_of(text);
  set_confidence(events, text, tokens, 1);
  EXPECT_NEAR(events.at(0).confidence.value(), 0.5, 1e-12);
  EXPECT_FALSE(events[0].start_uncertainty);  // two digits in one token
}

TEST(Presence, IsThatOfTheWordsBeforeTheFirstTime) {
  const std::string text = "<think>hm</think>It happens in 8.4 - 9.5 seconds.";
  auto tokens = characters(text);
  tokens[0].logprob = std::log(0.001);              // a thought
  tokens[text.find("It")].logprob = std::log(0.5);  // it might have said "It does not"
  tokens[text.find("happens")].logprob = std::log(0.8);
  tokens[text.find("8")].logprob = std::log(0.3);        // a digit
  tokens[text.find("seconds")].logprob = std::log(0.3);  // behind it
  EXPECT_NEAR(presence(events_of(text), text, tokens).value(), 0.5 * 0.8, 1e-12);
  EXPECT_FALSE(presence(events_of(text), text, {}));
}

TEST(Presence, OfADenialIsWhatIsLeft) {
  const std::string text = "It does not occur.";
  auto tokens = characters(text);
  tokens[3].logprob = std::log(0.75);
  EXPECT_NEAR(presence({}, text, tokens).value(), 0.25, 1e-12);
}

TEST(Confidence, NoneWithoutTokensOrWrittenTimes) {
  const std::string text = "[[1.0, 2.0]]";
  auto events = events_of(text);
  set_confidence(events, text, {}, 1);
  EXPECT_FALSE(events.at(0).confidence);
  const std::string whole = "throughout the entire video";
  auto all = events_of(whole);
  set_confidence(all, whole, characters(whole), 1);
  EXPECT_FALSE(all.at(0).confidence);
}

TEST(Confidence, ShortOrWrongTokensDoNoHarm) {
  const std::string text = "[[1.0, 2.0]]";
  auto events = events_of(text);
  auto tokens = characters("[[1");
  tokens[2].logprob = 3;  // no log-probability at all
  set_confidence(events, text, tokens, 1);
  EXPECT_DOUBLE_EQ(events.at(0).confidence.value(), 1);
  tokens[2].logprob = std::nan("");
  events = events_of(text);
  set_confidence(events, text, tokens, 1);
  EXPECT_FALSE(events.at(0).confidence && std::isnan(*events[0].confidence));
}

TEST(Uncertainty, WeighsEachDigitByItsPlace) {
  const std::string text = "from 1:04.5 to 99.0 s";
  auto tokens = characters(text);
  for (auto& token : tokens) token.top = {{token.bytes, 0.0}};
  // The seconds' digit is 4 or 6 with equal odds: variance 1, place value 1.
  tokens[text.find("4")].top = {{"4", std::log(0.4)}, {"6", std::log(0.4)}, {"x", std::log(0.2)}};
  // The tens of the end: 9 or 8, variance 1/4, place value 10.
  tokens[text.find("9")].top = {{"9", std::log(0.5)}, {"8", std::log(0.5)}};
  auto events = events_of(text);
  set_confidence(events, text, tokens, 1);
  ASSERT_TRUE(events.at(0).start_uncertainty && events[0].end_uncertainty);
  EXPECT_NEAR(*events[0].start_uncertainty, 1.645, 1e-9);
  EXPECT_NEAR(*events[0].end_uncertainty, 1.645 * 5, 1e-9);
}

TEST(Uncertainty, MinutesWeighSixty) {
  const std::string text = "1:00 - 2:00";
  auto tokens = characters(text);
  for (auto& token : tokens) token.top = {{token.bytes, 0.0}};
  tokens[0].top = {{"1", std::log(0.5)}, {"3", std::log(0.5)}};
  auto events = events_of(text);
  set_confidence(events, text, tokens, 1);
  EXPECT_NEAR(events.at(0).start_uncertainty.value(), 1.645 * 60, 1e-9);
  EXPECT_NEAR(events.at(0).end_uncertainty.value(), 0, 1e-9);
}

TEST(SamplingUncertainty, IsThatOfTheGapAroundTheBoundary) {
  const std::vector<double> slots = {0.25, 1.25, 2.25, 6.25};
  std::vector<Event> events(1);
  events[0].start = 1.5;
  events[0].end = 3;
  events[0].end_uncertainty = 2;
  add_sampling_uncertainty(events, slots);
  EXPECT_NEAR(events[0].start_uncertainty.value(), 0.45, 1e-12);
  EXPECT_NEAR(events[0].end_uncertainty.value(), std::hypot(2, 0.45 * 4), 1e-12);
  // Before the first slot and after the last the nearest gap counts.
  events[0] = {};
  events[0].end = 9;
  add_sampling_uncertainty(events, slots);
  EXPECT_NEAR(events[0].start_uncertainty.value(), 0.45, 1e-12);
  EXPECT_NEAR(events[0].end_uncertainty.value(), 0.45 * 4, 1e-12);
  events[0] = {};
  add_sampling_uncertainty(events, std::vector<double>{1});
  EXPECT_FALSE(events[0].start_uncertainty);
}

}  // namespace
}  // namespace shijian::grounding
