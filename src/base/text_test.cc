#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/text_json.h"

namespace shijian {
namespace {

using testing::Contains;
using testing::Not;

TEST(Text, HasItsValuesAsTheFormSays) {
  const Text text = "cut {} from {:.3f} s"_text("a.mp4", 1.5);
  EXPECT_EQ(text.form(), "cut {} from {} s");
  ASSERT_EQ(text.arguments().size(), 2u);
  EXPECT_EQ(text.arguments()[1].form(), "1.500");
  EXPECT_TRUE(text.arguments()[1].is_value());
  EXPECT_EQ(text.english(), "cut a.mp4 from 1.500 s");
}

TEST(Text, HoldsTexts) {
  const Text why = "it is {}"_text("a directory"_text);
  const Text text = "open {}: {}"_text("a", why);
  EXPECT_EQ(text.english(), "open a: it is a directory");
  EXPECT_EQ(text.arguments()[1].form(), "it is {}");
}

TEST(Text, ValuesWithBracesStayWhole) {
  EXPECT_EQ("open {}: {}"_text("{}", "{1}").english(), "open {}: {1}");
  EXPECT_EQ(Text::words("{} of {}").english(), "{} of {}");
}

TEST(Text, ABraceOfTheTextIsWrittenTwice) {
  EXPECT_EQ("write {{\"a\": {}}}"_text(1).english(), "write {\"a\": 1}");
  EXPECT_EQ(Text("write {\"a\": 1}"_text).english(), "write {\"a\": 1}");
}

TEST(Text, EachFormIsListed) {
  EXPECT_THAT(text_forms(), Contains("cut {} from {} s"));
  EXPECT_THAT(text_forms(), Contains("a directory"));
  EXPECT_THAT(text_forms(), Not(Contains("cut {} from {:.3f} s")));
}

TEST(Text, IsFilledInAnyOrder) {
  const std::vector<std::string> texts{"a", "b"};
  EXPECT_EQ(fill("{2} before {1}", texts), "b before a");
  EXPECT_EQ(fill("{2} {} {0} {", texts), "b {} {0} {");
}

TEST(Text, ComesBackFromJson) {
  const Text text = "open {}: {}"_text("a", Text::words("Permission denied"));
  const Json json = text_json(text);
  EXPECT_EQ(text_json(text_from_json(json)), json);
  EXPECT_EQ(text_from_json(json).english(), text.english());
  EXPECT_EQ(text_from_json(text_json({})).english(), "");
}

TEST(Text, RefusesOtherJson) {
  for (const char* json : {"1", "[]", "{}", R"({"form": 1})", R"({"form": "", "arguments": 1})",
                           R"({"form": "{}", "arguments": [null]})"}) {
    EXPECT_THROW(text_from_json(Json::parse(json)), Error) << json;
  }
}

}  // namespace
}  // namespace shijian
