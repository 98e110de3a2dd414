#include "localise/ordinal.h"

#include <gtest/gtest.h>

namespace shijian::localise {
namespace {

void expect(std::string_view question, std::string_view plain, int which) {
  const OrdinalQuestion read = read_ordinal(question);
  EXPECT_EQ(read.plain, plain);
  EXPECT_EQ(read.which, which) << question;
}

TEST(Ordinal, English) {
  expect("When does the dog jump for the second time?", "When does the dog jump?", 2);
  expect("When is it visible for the LAST time?", "When is it visible?", -1);
  expect("Find the third time the dog jumps.", "Find the moment when the dog jumps.", 3);
  expect("The first time that he smiles", "the moment when he smiles", 1);
  expect("When was the final time when she sang?", "When was the moment when she sang?", -1);
  expect("Find the 11th time it rings.", "Find the moment when it rings.", 11);
}

TEST(Ordinal, Chinese) {
  expect("红色的圆什么时候第二次出现？", "红色的圆什么时候出现？", 2);
  expect("红色的圆最后一次出现是什么时候？", "红色的圆出现是什么时候？", -1);
  expect("门首次打开在何时？", "门打开在何时？", 1);
  expect("第12次响铃是什么时候？", "响铃是什么时候？", 12);
}

TEST(Ordinal, NoneWhereNoneIsMeant) {
  for (const char* question :
       {"When does the dog jump?", "When is the second page shown?", "the second timer rings",
        "breathe first time", "When does \"for the second time\" appear?", "“第二次”什么时候出现？",
        "他第5名冲线是什么时候？", "", "the 0th time", "the 5000th time it rings"}) {
    expect(question, question, 0);
  }
}

TEST(Ordinal, ChoosesByOrder) {
  const auto events = [](int count) {
    std::vector<grounding::Event> all(static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) all[static_cast<size_t>(i)].start = i;
    return all;
  };
  const auto starts = [&](int count, int which) {
    std::vector<grounding::Event> chosen = events(count);
    choose(chosen, which);
    std::vector<double> all;
    for (const grounding::Event& event : chosen) all.push_back(event.start);
    return all;
  };
  EXPECT_EQ(starts(3, 0), (std::vector<double>{0, 1, 2}));
  EXPECT_EQ(starts(3, 1), (std::vector<double>{0}));
  EXPECT_EQ(starts(3, 3), (std::vector<double>{2}));
  EXPECT_EQ(starts(3, -1), (std::vector<double>{2}));
  EXPECT_TRUE(starts(3, 4).empty());
  EXPECT_TRUE(starts(0, -1).empty());
}

}  // namespace
}  // namespace shijian::localise
