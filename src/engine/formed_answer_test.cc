// Answers of random weights: whatever such a model prefers, times of the video are all it can say.
#include <gtest/gtest.h>

#include <string>

#include "engine/reuse_fixture.h"

namespace shijian::engine {
namespace {

class FormedAnswers : public Reuses {
 protected:
  static LocateRequest formed(grounding::PromptStyle style, const std::string& words) {
    LocateRequest request = question(words);
    request.generation = {};
    request.generation.max_new_tokens = 60;
    request.prompt_style = style;
    return request;
  }
};

TEST_F(FormedAnswers, NameTimesOfThePartThatWasShown) {
  for (const char* name : {"dense_tied", "moe_5"}) {
    Engine engine(options(name));
    for (const auto style :
         {grounding::PromptStyle::kTimeLens, grounding::PromptStyle::kTimeLens2}) {
      for (const char* words : {"When is the red circle visible?", "红色圆形什么时候出现？"}) {
        LocateRequest request = formed(style, words);
        request.sampling.from = 3;
        request.sampling.to = 19;
        request.sampling.frames = 16;
        const grounding::Answer answer = ask(engine, request);
        const bool cut =
            std::any_of(answer.notes.begin(), answer.notes.end(), [](const grounding::Note& note) {
              return note.code == grounding::NoteCode::kLengthLimit;
            });
        EXPECT_FALSE(answer.unparsed && !cut) << name << ": " << answer.response;
        EXPECT_TRUE(cut || answer.absent || !answer.events.empty()) << answer.response;
        for (const grounding::Event& event : answer.events) {
          EXPECT_GE(event.start, 3) << answer.response;
          EXPECT_LE(event.end, 19) << answer.response;
        }
        for (const grounding::Note& note : answer.notes) {
          EXPECT_NE(note.code, grounding::NoteCode::kReversed) << answer.response;
          EXPECT_NE(note.code, grounding::NoteCode::kClamped) << answer.response;
          EXPECT_NE(note.code, grounding::NoteCode::kOutsideClip) << answer.response;
        }
      }
    }
  }
}

TEST_F(FormedAnswers, WordsThatAreCertainTakeNoRunOfTheModel) {
  Engine engine(options("dense_tied"));
  LocateRequest request = formed(grounding::PromptStyle::kTimeLens, "When?");
  request.generation.logprobs = 1;
  const grounding::Answer answer = ask(engine, request);
  ASSERT_GE(answer.tokens.size(), 2u);
  EXPECT_EQ(answer.tokens[0].logprob, 0);  // "The", whether it happens or not
  EXPECT_TRUE(answer.tokens[0].top.empty());
  request.free_text = true;
  const grounding::Answer free = ask(engine, request);
  EXPECT_NE(free.response, answer.response);
  EXPECT_LT(free.tokens[0].logprob, 0);
}

TEST_F(FormedAnswers, NanoSaysTheSameOfItsOwnAccord) {
  Engine engine(options("nano"));
  LocateRequest request =
      formed(grounding::PromptStyle::kTimeLens, "When is the blue star visible?");
  const grounding::Answer kept = ask(engine, request);
  request.free_text = true;
  EXPECT_EQ(ask(engine, request).response, kept.response);
}

}  // namespace
}  // namespace shijian::engine
