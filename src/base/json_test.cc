#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>

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
      EXPECT_TRUE(error.message().starts_with("parse config.json: parse error at line 1, column "))
          << error.message();
    }
  }
}

TEST(Json, EndsWhereTheTextDoes) {
  for (const std::string_view text :
       {std::string_view("{\"a\":1}\0 rubbish", 16), std::string_view("{\"a\":1}\0", 8),
        std::string_view("\xFF\xFE{\0}\0\0\0x\0", 10)}) {
    EXPECT_THROW(parse_json(text, "x"), Error) << text;
    EXPECT_THROW(parse_ordered_json(text, "x"), Error) << text;
  }
  EXPECT_EQ(parse_json(R"("a\u0000b")", "x").get<std::string>(), std::string("a\0b", 3));
}

TEST(Json, AnErrorDoesNotRepeatWhatWasThere) {
  for (const char* text :
       {R"({"query": "a secret"; 3})", R"({"query": "a secret)", R"("a secret" x)"}) {
    try {
      parse_json(text, "the body");
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.message().find("secret"), std::string::npos) << error.message();
      EXPECT_NE(error.message().find("column"), std::string::npos) << error.message();
    }
  }
}

TEST(Json, RefusesDeepNesting) {
  EXPECT_NO_THROW(parse_json(std::string(60, '[') + std::string(60, ']'), "x"));
  EXPECT_THROW(parse_json(std::string(100, '[') + std::string(100, ']'), "x"), Error);
  EXPECT_THROW(parse_json(std::string(1'000'000, '['), "x"), Error);
  EXPECT_NO_THROW(parse_json(std::string(64, '[') + std::string(64, ']'), "x"));
  EXPECT_THROW(parse_json(std::string(65, '[') + std::string(65, ']'), "x"), Error);
  EXPECT_NO_THROW(parse_json("[\"\\\"" + std::string(100, '[') + "\"]", "x"));  // in a string
}

TEST(Json, WritesThreeDecimalsAtLeast) {
  const OrderedJson value = {
      {"start", 5.7},        {"end", 12.0},         {"p", 0.12345},     {"tiny", 1e-9},
      {"count", 3},          {"nan", std::nan("")}, {"list", {1.5, 2}}, {"none", Json::array()},
      {"text", "\xff\"\n事"}};
  EXPECT_EQ(write_json(value),
            "{\"start\":5.700,\"end\":12.000,\"p\":0.12345,\"tiny\":1e-09,\"count\":3,\"nan\":null,"
            "\"list\":[1.500,2],\"none\":[],\"text\":\"\ufffd\\\"\\n事\"}");
}

TEST(Json, IndentsAllButListsOfPlainValues) {
  const OrderedJson value = {{"a", {1, 2}}, {"b", {{{"c", 0.5}}}}, {"d", Json::object()}};
  EXPECT_EQ(
      write_json(value, 2),
      "{\n  \"a\": [1, 2],\n  \"b\": [\n    {\n      \"c\": 0.500\n    }\n  ],\n  \"d\": {}\n}");
}

}  // namespace
}  // namespace shijian
