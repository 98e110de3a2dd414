#include "engine/chat_parts.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace shijian::engine {
namespace {

const MediaFile kVideo{"a.mp4", false};
const MediaFile kImage{"b.png", true};

// "t:words", "v0", "i1" for each part.
std::vector<std::string> shown(const std::vector<text::Part>& parts) {
  std::vector<std::string> words;
  for (const text::Part& part : parts) {
    switch (part.kind) {
      case text::Part::Kind::kText:
        words.push_back("t:" + part.text);
        break;
      case text::Part::Kind::kVideo:
        words.push_back("v" + std::to_string(part.index));
        break;
      case text::Part::Kind::kImage:
        words.push_back("i" + std::to_string(part.index));
        break;
    }
  }
  return words;
}

using Words = std::vector<std::string>;

TEST(PlaceMedia, FilesComeFirstWithoutNames) {
  EXPECT_EQ(shown(place_media("What?", {kVideo, kImage})), (Words{"v0", "i1", "t:What?"}));
  EXPECT_EQ(shown(place_media("What?", {})), (Words{"t:What?"}));
}

TEST(PlaceMedia, NamesSayWhere) {
  EXPECT_EQ(shown(place_media("First <video> then <image>!", {kVideo, kImage})),
            (Words{"t:First ", "v0", "t: then ", "i1", "t:!"}));
  EXPECT_EQ(shown(place_media("<image>", {kImage})), (Words{"i0"}));
}

TEST(PlaceMedia, RefusesNamesWithoutTheirFiles) {
  EXPECT_THROW(place_media("<video> <video>", {kVideo}), Error);
  EXPECT_THROW(place_media("<image>", {kVideo}), Error);
  EXPECT_THROW(place_media("<video>", {kVideo, kImage}), Error);
}

TEST(SplitTools, KeepsOrderAndRefusesOtherJson) {
  EXPECT_EQ(split_tools(R"([{"b": 1, "a": 2}, {"c": []}])"),
            (Words{R"({"b":1,"a":2})", R"({"c":[]})"}));
  EXPECT_TRUE(split_tools("").empty());
  EXPECT_THROW(split_tools("{}"), Error);
  EXPECT_THROW(split_tools("[1"), Error);
}

}  // namespace
}  // namespace shijian::engine
