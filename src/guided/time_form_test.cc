// Answers that name times: what comes through, whatever chooses, can be true of the video.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "guided/time_constraint.h"
#include "source_dir.h"

namespace shijian::guided {
namespace {

bool takes(const TimeForm& form, std::string_view text) {
  TimeState state(form);
  return std::all_of(text.begin(), text.end(),
                     [&](char byte) { return state.push(static_cast<uint8_t>(byte)); }) &&
         state.complete();
}

TEST(TimeForm, SentencesNameTimesInOrderAndInRange) {
  const TimeForm form(sentence_words(Language::kEnglish), {3, 12.5, 1, 2});
  for (const char* text :
       {"The event does not occur in the video.", "The event happens in 3.0 - 12.5 seconds.",
        "The event happens in 3 - 3 seconds.", "The event happens in 4.5 - 10 seconds.",
        "The event happens in 4.5 - 5.0, 4.5 - 12 seconds."}) {
    EXPECT_TRUE(takes(form, text)) << text;
  }
  for (const char* text :
       {"", "The event ", "The event happens in 2.9 - 5.0 seconds.",
        "The event happens in 3.0 - 12.6 seconds.", "The event happens in 5.0 - 4.9 seconds.",
        "The event happens in 04.0 - 5.0 seconds.", "The event happens in 4. - 5.0 seconds.",
        "The event happens in 4.55 - 5.0 seconds.", "The event happens in 4.0 - 5.0",
        "The event happens in 4.0 - 5.0 seconds. ",
        "The event happens in 5.0 - 6.0, 4.0 - 7.0 seconds.",
        "The event happens in 3.0 - 4.0, 5.0 - 6.0, 7.0 - 8.0 seconds.", "It happens."}) {
    EXPECT_FALSE(takes(form, text)) << text;
  }
}

TEST(TimeForm, ObjectsFollowAnyWords) {
  const TimeForm form(object_words(), {0, 100, 2, 64});
  for (const char* text :
       {"No.", "",
        "Twice: [{\"start\": 1.25, \"end\": 2, \"label\": \"a dog 狗\"}, {\"start\": 99, "
        "\"end\": 100, \"label\": \"\"}]",
        "[]"}) {
    EXPECT_TRUE(takes(form, text)) << text;
  }
  for (const char* text :
       {"[1]", "[{\"start\": 1}]", "[{\"start\": 1, \"end\": 101, \"label\": \"\"}]",
        "[{\"start\": 1, \"end\": 2, \"label\": \"a", "[] is all"}) {
    EXPECT_FALSE(takes(form, text)) << text;
  }
}

// Wherever an answer stands, something may follow, until it is complete.
TEST(TimeForm, IsNeverStuck) {
  std::mt19937 random(7);
  for (int trial = 0; trial < 2000; ++trial) {
    const double from = static_cast<double>(random() % 20000) / 100;
    const double to = from + static_cast<double>(random() % 30000) / 100;
    const int decimals = static_cast<int>(random() % 4);
    const TimeForm form(sentence_words(Language::kEnglish), {from, to, decimals, 3});
    TimeState state(form);
    std::string written;
    while (!state.complete()) {
      std::vector<uint8_t> next;
      for (int byte = 0; byte < 256; ++byte) {
        TimeState after = state;
        if (after.push(static_cast<uint8_t>(byte))) next.push_back(static_cast<uint8_t>(byte));
      }
      ASSERT_FALSE(next.empty()) << written << " of " << from << " to " << to;
      const uint8_t byte = next[random() % next.size()];
      ASSERT_TRUE(state.push(byte));
      written += static_cast<char>(byte);
      ASSERT_LT(written.size(), 200u) << written;
    }
  }
}

class TimeConstraintTest : public testing::Test {
 protected:
  int32_t stop() const { return *tokenizer_.token_id("<|im_end|>"); }
  std::vector<int32_t> encode(std::string_view text) const {
    return tokenizer_.encode(text, text::Specials::kAsText);
  }

  const text::Tokenizer tokenizer_ = text::Tokenizer::open(source_dir() / "models" / "nano");
  const TokenOrder order_{tokenizer_};
};

// Words that are forced are the tokens that the tokenizer makes of the whole answer, so that a
// model reads what it was trained on.
TEST_F(TimeConstraintTest, ForcedTokensAreThoseOfTheWholeText) {
  for (const std::string text :
       {"The event happens in 12.3 - 45.6 seconds.", "The event does not occur in the video."}) {
    const int32_t stop_token = stop();
    TimeConstraint constraint(TimeForm(sentence_words(Language::kEnglish), {0, 60, 1, 64}), order_,
                              tokenizer_, {&stop_token, 1});
    const std::vector<int32_t> whole = encode(text);
    size_t at = 0, forced = 0;
    while (at < whole.size()) {
      const std::vector<int32_t> next = constraint.forced();
      forced += next.size();
      for (const int32_t token : next) {
        ASSERT_LT(at, whole.size()) << text;
        ASSERT_EQ(token, whole[at++]) << text;
        constraint.take(token);
      }
      if (at == whole.size()) break;
      std::vector<float> scores(static_cast<size_t>(tokenizer_.vocab_size()), 0);
      constraint.edit(scores);
      ASSERT_EQ(scores[static_cast<size_t>(whole[at])], 0) << text << " at " << at;
      constraint.take(whole[at++]);
    }
    EXPECT_TRUE(constraint.forced().empty());
    std::vector<float> scores(static_cast<size_t>(tokenizer_.vocab_size()), 0);
    constraint.edit(scores);
    EXPECT_EQ(scores[static_cast<size_t>(stop_token)], 0);
    EXPECT_EQ(std::count(scores.begin(), scores.end(), 0), 1);
    EXPECT_GE(forced, 6u) << text;
  }
}

TEST_F(TimeConstraintTest, APartOfACharacterIsNotForced) {
  TimeWords words = sentence_words(Language::kEnglish);
  words.open = "事件发生在 ";
  words.denial = "亊";  // begins with two of the bytes of 事
  const int32_t stop_token = stop();
  TimeConstraint constraint(TimeForm(words, {0, 60, 1, 64}), order_, tokenizer_, {&stop_token, 1});
  EXPECT_TRUE(constraint.forced().empty());
  const int32_t first = *tokenizer_.token_id("\xe4");
  constraint.take(first);
  EXPECT_TRUE(constraint.forced().empty());
  constraint.take(*tokenizer_.token_id("\xba"));
  constraint.take(*tokenizer_.token_id("\x8b"));
  std::string rest;
  for (const int32_t token : constraint.forced()) rest += tokenizer_.token_bytes(token);
  EXPECT_EQ(rest, "件发生在 ");
}

TEST_F(TimeConstraintTest, DigitsAreNeverForced) {
  const int32_t stop_token = stop();
  TimeConstraint constraint(TimeForm(sentence_words(Language::kEnglish), {7, 7.3, 1, 64}), order_,
                            tokenizer_, {&stop_token, 1});
  for (const int32_t token : encode("The event happens in ")) constraint.take(token);
  EXPECT_TRUE(constraint.forced().empty());
}

TEST_F(TimeConstraintTest, NoiseBecomesAnswers) {
  const int32_t stop_token = stop();
  int with_events = 0;
  for (uint32_t seed = 0; seed < 60; ++seed) {
    TimeConstraint constraint(TimeForm(object_words(), {2, 31.4, 1, 5}), order_, tokenizer_,
                              {&stop_token, 1});
    std::mt19937 random(seed);
    std::string text = "Here: [";
    for (const int32_t token : encode(text)) constraint.take(token);
    bool complete = false;
    for (int step = 0; step < 400 && !complete; ++step) {
      const std::vector<int32_t> forced = constraint.forced();
      for (const int32_t token : forced) {
        constraint.take(token);
        text += tokenizer_.token_bytes(token);
      }
      std::vector<float> scores(static_cast<size_t>(tokenizer_.vocab_size()));
      for (float& score : scores) score = static_cast<float>(random() >> 8);
      constraint.edit(scores);
      const auto token =
          static_cast<int32_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
      complete = token == stop_token;
      if (complete) break;
      constraint.take(token);
      text += tokenizer_.token_bytes(token);
    }
    if (!complete) continue;  // a label without end
    const Json events = Json::parse(text.substr(text.find('[')), nullptr, false);
    ASSERT_TRUE(events.is_array()) << text;
    for (const Json& event : events) {
      const double start = event.at("start"), end = event.at("end");
      EXPECT_TRUE(2 <= start && start <= end && end <= 31.4) << text;
      ++with_events;
    }
  }
  EXPECT_GT(with_events, 5);
}

TEST_F(TimeConstraintTest, WaitsForTheEndOfThoughts) {
  const int32_t stop_token = stop();
  const int32_t close = *tokenizer_.token_id("</think>");
  TimeConstraint constraint(TimeForm(sentence_words(Language::kEnglish), {0, 60, 1, 64}), order_,
                            tokenizer_, {&stop_token, 1}, close);
  EXPECT_TRUE(constraint.forced().empty());
  std::vector<float> scores(static_cast<size_t>(tokenizer_.vocab_size()), 1);
  constraint.edit(scores);
  EXPECT_EQ(std::count(scores.begin(), scores.end(), 1), tokenizer_.vocab_size());
  constraint.take(close);
  EXPECT_FALSE(constraint.forced().empty());
}

}  // namespace
}  // namespace shijian::guided
