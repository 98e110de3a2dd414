#include "grounding/yes_no.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace shijian::grounding {
namespace {

TEST(YesNo, IsTheShareOfWhatSaysYes) {
  const std::vector<TokenAlternative> choices = {{"Yes", std::log(0.5)},
                                                 {" no", std::log(0.1)},
                                                 {"The", std::log(0.2)},
                                                 {"yes", std::log(0.1)},
                                                 {"No", std::log(0.05)}};
  EXPECT_NEAR(*probability_of_yes(choices), 0.6 / 0.75, 1e-12);
}

TEST(YesNo, ReadsChinese) {
  const std::vector<TokenAlternative> choices = {{"是", std::log(0.3)}, {"没有", std::log(0.1)}};
  EXPECT_NEAR(*probability_of_yes(choices), 0.75, 1e-12);
}

TEST(YesNo, NothingIsKnownWhereNeitherIsSaid) {
  EXPECT_FALSE(probability_of_yes({}));
  EXPECT_FALSE(probability_of_yes(std::vector<TokenAlternative>{{"Now", -0.1}, {"noon", -2}}));
}

TEST(YesNo, AsksInTheLanguageOfTheQuestion) {
  EXPECT_NE(yes_no_question("When does the dog jump?", Language::kEnglish).find("dog jump?\""),
            std::string::npos);
  EXPECT_NE(yes_no_question("狗什么时候跳？", Language::kChinese).find("“狗什么时候跳？”"),
            std::string::npos);
}

}  // namespace
}  // namespace shijian::grounding
