#include "base/json.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace shijian {
namespace {

TEST(Json, ParsesAValue) { EXPECT_EQ(parse_json("{\"a\": [1, 2]}", "x")["a"][1], 2); }

TEST(Json, NamesWhatItRefuses) {
  for (const char* text : {"", "{", "[1,]", "nul", "{\"a\":1}x", "\"\xff\""}) {
    try {
      parse_json(text, "config.json");
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalid);
      EXPECT_NE(error.message().find("config.json"), std::string::npos);
    }
  }
}

TEST(Json, RefusesDeepNesting) {
  EXPECT_NO_THROW(parse_json(std::string(60, '[') + std::string(60, ']'), "x"));
  EXPECT_THROW(parse_json(std::string(100, '[') + std::string(100, ']'), "x"), Error);
  EXPECT_THROW(parse_json(std::string(1'000'000, '['), "x"), Error);
}

}  // namespace
}  // namespace shijian
