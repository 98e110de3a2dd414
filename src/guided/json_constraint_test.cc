// Constrained generation: nothing but conforming JSON comes through, and what should come does.
#include "guided/json_constraint.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/error.h"
#include "source_dir.h"
#include "text/chat_reader.h"

namespace shijian::guided {
namespace {

JsonGrammar grammar_of(std::string_view schema) {
  return JsonGrammar::of_schema(parse_ordered_json(schema, "schema"));
}

// All of `text` is let through and is complete.
bool takes(const JsonGrammar& grammar, std::string_view text) {
  JsonState state(grammar);
  for (const char byte : text) {
    if (!state.push(static_cast<uint8_t>(byte))) return false;
  }
  return state.complete();
}

// The part of JSON Schema that grammars know, read again from its definition.
bool conforms(const Json& value, const Json& schema, const Json& root) {
  if (schema.is_boolean()) return schema.get<bool>();
  if (schema.contains("$ref")) {
    const std::string place = schema["$ref"];
    return conforms(value, root.at(Json::json_pointer(place.substr(1))), root);
  }
  if (schema.contains("anyOf")) {
    const Json& all = schema["anyOf"];
    return std::any_of(all.begin(), all.end(),
                       [&](const Json& one) { return conforms(value, one, root); });
  }
  if (schema.contains("enum")) {
    const Json& all = schema["enum"];
    if (std::find(all.begin(), all.end(), value) == all.end()) return false;
  }
  if (schema.contains("const") && schema["const"] != value) return false;
  if (schema.contains("type")) {
    const Json types = schema["type"].is_array() ? schema["type"] : Json::array({schema["type"]});
    const bool fits = std::any_of(types.begin(), types.end(), [&](const Json& type) {
      return type == value.type_name() || (type == "integer" && value.is_number_integer());
    });
    if (!fits) return false;
  }
  if (value.is_array()) {
    if (value.size() < schema.value("minItems", size_t{0})) return false;
    if (value.size() > schema.value("maxItems", size_t{1} << 30)) return false;
    for (const Json& item : value) {
      if (schema.contains("items") && !conforms(item, schema["items"], root)) return false;
    }
  }
  if (value.is_object()) {
    const Json properties = schema.value("properties", Json::object());
    for (const Json& name : schema.value("required", Json::array())) {
      if (!value.contains(name.get<std::string>())) return false;
    }
    for (const auto& [name, member] : value.items()) {
      if (properties.contains(name)) {
        if (!conforms(member, properties[name], root)) return false;
      } else if (schema.contains("additionalProperties") && !schema["additionalProperties"]) {
        return false;
      }
    }
  }
  return true;
}

bool conforms(const Json& value, const Json& schema) { return conforms(value, schema, schema); }

const char* const kSchemas[] = {
    R"({"type": "object"})",
    R"({})",
    R"({"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 4})",
    R"({"type": ["string", "null"]})",
    R"({"type": "number"})",
    R"({"enum": ["a", "ab", 1, 12, 1.5, null, {"x": [1]}, "ä\n"]})",
    R"({"type": "object", "additionalProperties": false})",
    R"({"type": "object", "additionalProperties": false, "required": ["start", "end"],
        "properties": {"label": {"type": "string"}, "start": {"type": "number"},
                       "lab": {"type": "boolean"}, "end": {"type": "number"},
                       "tags": {"type": "array", "items": {"enum": ["x", "y"]}, "maxItems": 2},
                       "kind": {"const": "event"}}})",
    R"({"type": "object", "required": ["events"], "properties": {"events": {"type": "array",
        "items": {"type": "object", "required": ["n"], "properties": {
            "n": {"type": "integer"}, "say \"hi\"": {"type": "string"}}}}}})",
    R"({"anyOf": [{"type": "integer"}, {"type": "number"}, {"const": "one"}, {"type": "string"},
        {"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"]},
        {"type": "object", "properties": {"ab": {"type": "string"}, "a": {"type": "boolean"}},
         "required": ["a"]}, {"type": "array", "items": {"type": "integer"}, "maxItems": 2},
        {"type": "array", "items": {"type": "string"}, "minItems": 1}]})",
    // A tree, and a list whose end is null.
    R"({"$ref": "#/$defs/tree", "$defs": {
        "tree": {"type": "object", "required": ["name"], "properties": {
          "name": {"type": "string"}, "kind": {"anyOf": [{"enum": ["x"]}, {"type": "null"}]},
          "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}}})",
    R"({"type": "object", "required": ["value", "next"], "properties": {
        "value": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}})",
};

TEST(JsonGrammar, WhatComesThroughIsJsonThatConforms) {
  for (const char* text : kSchemas) {
    const JsonGrammar grammar = grammar_of(text);
    const Json schema = Json::parse(text);
    int complete = 0;
    for (uint64_t seed = 0; seed < 40; ++seed) {
      std::mt19937 random(static_cast<uint32_t>(seed));
      JsonState state(grammar);
      std::string written;
      for (int step = 0; step < 600; ++step) {
        if (state.complete()) {
          const Json value = Json::parse(written, nullptr, false);
          ASSERT_FALSE(value.is_discarded()) << text << "\n" << written;
          ASSERT_TRUE(conforms(value, schema)) << text << "\n" << written;
          ++complete;
        }
        std::vector<uint8_t> next;
        for (int byte = 0; byte < 256; ++byte) {
          JsonState after = state;
          if (after.push(static_cast<uint8_t>(byte))) next.push_back(static_cast<uint8_t>(byte));
        }
        if (next.empty()) {
          ASSERT_TRUE(state.complete()) << text << " is stuck after " << written;
          break;
        }
        // Quotes and brackets often, so that strings and lists end.
        uint8_t byte = next[random() % next.size()];
        const bool closes = random() % 10 < 3;
        for (const char end : {'"', ']', '}'}) {
          if (closes && std::find(next.begin(), next.end(), end) != next.end()) {
            byte = static_cast<uint8_t>(end);
          }
        }
        state.push(byte);
        written += static_cast<char>(byte);
      }
    }
    EXPECT_GE(complete, 30) << text;
  }
}

TEST(JsonGrammar, LetsThroughWhatModelsWrite) {
  const JsonGrammar event = grammar_of(kSchemas[7]);
  EXPECT_TRUE(takes(event, R"({"start": 1.5, "end": 2})"));
  EXPECT_TRUE(
      takes(event, R"({"label":"a \"b\" \u00e4 日本","start":-0.5e-3,"lab":true,"end":0})"));
  EXPECT_TRUE(takes(event, "{\n  \"start\": 1,\n  \"end\": 2,\n  \"tags\": [\"x\", \"y\"]\n}"));
  EXPECT_FALSE(takes(event, R"({"start": 1.5})"));
  EXPECT_FALSE(takes(event, R"({"end": 2, "start": 1})"));
  EXPECT_FALSE(takes(event, R"({"start": 1, "end": 2, "more": 3})"));
  EXPECT_FALSE(takes(event, R"({"start": 1, "end": 2,})"));
  EXPECT_FALSE(takes(event, R"({"start": 1, "end": 2, "tags": ["x", "y", "x"]})"));
  EXPECT_FALSE(takes(event, R"({"start": 01, "end": 2})"));
  EXPECT_FALSE(takes(event, R"({"start": "1", "end": 2})"));
  EXPECT_FALSE(takes(event, R"({"start": 1, "end": 2} )"));

  const JsonGrammar any = JsonGrammar::any_object();
  EXPECT_TRUE(takes(any, R"({})"));
  EXPECT_TRUE(takes(any, R"( {"a": [1, {"b": null}, "c"], "": -1.25E+10})"));
  EXPECT_FALSE(takes(any, "[]"));
  EXPECT_FALSE(takes(any, R"({"a": "\ud83d\ude00"})"));  // halves of a character
  EXPECT_TRUE(takes(any, "{\"a\": \"\xf0\x9f\x98\x80 \\uD7FF \\\\\"}"));
  EXPECT_FALSE(takes(any, "{\"a\": \"\xc0\xaf\"}"));
  EXPECT_FALSE(takes(any, "{\"a\": \"\xed\xa0\x80\"}"));
  EXPECT_FALSE(takes(any, "{\"a\": \"\n\"}"));
  EXPECT_TRUE(takes(any, "\n\n{\n\t\"a\": {\n        \"b\": 1\n    }\n}"));
  EXPECT_FALSE(takes(any, "{\"a\":  1}"));
  EXPECT_FALSE(takes(any, "{\n\n\"a\": 1}"));
  EXPECT_FALSE(takes(any, "{\n     \"a\": 1}"));
  EXPECT_FALSE(takes(any, "{\"a\":" + std::string(40, '[') + std::string(40, ']') + "}"));
}

TEST(JsonGrammar, RefusesSchemasByName) {
  const auto refusal = [](const char* schema) -> std::string {
    try {
      grammar_of(schema);
    } catch (const Error& error) {
      return error.message();
    }
    return "taken";
  };
  for (const char* keyword : {"pattern", "minimum", "oneOf", "allOf", "format", "minLength",
                              "patternProperties", "uniqueItems", "prefixItems"}) {
    const std::string schema =
        fmt::format(R"({{"type": "object", "properties": {{"a": {{"{}": 1}}}}}})", keyword);
    EXPECT_EQ(refusal(schema.c_str()),
              fmt::format("JSON schema: '{}' at '/properties/a' is not supported", keyword));
  }
  for (const char* schema :
       {"false", "1", R"({"type": "text"})", R"({"type": []})", R"({"enum": []})",
        R"({"enum": [1], "const": 2})", R"({"enum": ["a"], "type": "integer"})",
        R"({"type": "array", "minItems": 2, "maxItems": 1})", R"({"minItems": -1})",
        R"({"type": "object", "required": ["a"]})", R"({"required": "a", "properties": {}})",
        R"({"properties": {}, "additionalProperties": {"type": "string"}})", R"({"anyOf": []})",
        R"({"$ref": "#/$defs/none"})", R"({"$ref": "https://example.org/schema"})",
        R"({"$ref": "#"})", R"({"anyOf": [{"type": "string"}], "type": "string"})",
        // Nothing conforms: each value would have to hold another.
        R"({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}})",
        R"({"type": "array", "items": {"$ref": "#"}, "minItems": 1})"}) {
    EXPECT_NE(refusal(schema), "taken") << schema;
  }
}

// What no value can get out of is not gone into.
TEST(JsonGrammar, RecursionEndsInTime) {
  const JsonGrammar list = grammar_of(kSchemas[11]);
  std::string written;
  JsonState state(list);
  const auto write = [&](std::string_view text) {
    for (const char byte : text) {
      JsonState after = state;
      if (!after.push(static_cast<uint8_t>(byte))) return false;
      state = after;
      written += byte;
    }
    return true;
  };
  int depth = 0;
  while (write("{\"value\":1,\"next\":") && depth < 100) ++depth;
  EXPECT_EQ(depth, JsonGrammar::kMaxDepth);
  EXPECT_TRUE(write("null" + std::string(static_cast<size_t>(depth), '}')));
  EXPECT_TRUE(state.complete());
  EXPECT_TRUE(conforms(Json::parse(written), Json::parse(kSchemas[11])));
}

TEST(JsonGrammar, FollowsAllReadingsUntilTheyDiffer) {
  const JsonGrammar any = grammar_of(kSchemas[9]);
  for (const char* text : {"12", "1.5", "\"one\"", "\"only\"", R"({"a": null})", R"({"a": true})",
                           R"({"ab": "x", "a": false})", "[]", "[1, 2]", R"(["x", "y", "z"])"}) {
    EXPECT_TRUE(takes(any, text)) << text;
  }
  for (const char* text : {"true", R"({"ab": "x", "a": null})", "[1, 2, 3]", "[1, \"x\"]", "{}"}) {
    EXPECT_FALSE(takes(any, text)) << text;
  }
}

TEST(JsonGrammar, ArgumentsAreObjects) {
  const auto arguments_of = [](const char* schema) {
    return JsonGrammar::of_object_schema(parse_ordered_json(schema, "schema"));
  };
  EXPECT_TRUE(takes(arguments_of("{}"), R"({"any": [1]})"));
  EXPECT_FALSE(takes(arguments_of("{}"), "1"));
  const JsonGrammar some = arguments_of(R"({"anyOf": [{"type": ["string", "object"], "properties": {
                     "n": {"type": "integer"}}}, {"enum": [1, {"x": 2}]}]})");
  EXPECT_TRUE(takes(some, R"({"n": 1})"));
  EXPECT_TRUE(takes(some, R"({"x":2})"));
  EXPECT_FALSE(takes(some, "\"n\""));
  EXPECT_THROW(arguments_of(R"({"type": "string"})"), Error);
}

// Its marks written as "[" and "]".
bool takes_calls(const AnswerForm& form, std::string_view text) {
  AnswerState state(form);
  for (const char byte : text) {
    if (state.mark() != AnswerState::Mark::kNone) {
      if (byte != (state.mark() == AnswerState::Mark::kCall ? '[' : ']')) return false;
      state.push_mark();
    } else if (!state.push(static_cast<uint8_t>(byte))) {
      return false;
    }
  }
  return state.complete();
}

AnswerForm two_tools(bool many) {
  return AnswerForm({{"find", grammar_of(R"({"type": "object", "required": ["n"],
                                             "properties": {"n": {"type": "integer"}}})")},
                     {"finder", JsonGrammar::any_object()}},
                    many);
}

TEST(AnswerForm, CallsAreOfItsToolsAndAsTheTemplateWritesThem) {
  const std::string call = "[\n{\"name\": \"find\", \"arguments\": {\"n\": 1}}\n]";
  const std::string other = "[\n{\"name\": \"finder\", \"arguments\": {\"a\": [1]}}\n]";
  const AnswerForm one = two_tools(false);
  EXPECT_TRUE(takes_calls(one, call));
  EXPECT_TRUE(takes_calls(one, other));
  EXPECT_FALSE(takes_calls(one, call + "\n" + other));
  EXPECT_TRUE(takes_calls(two_tools(true), call + "\n" + other));
  EXPECT_FALSE(takes_calls(two_tools(true), call + other));
  EXPECT_FALSE(takes_calls(one, "[\n{\"name\": \"find\", \"arguments\": {\"n\": 1.5}}\n]"));
  EXPECT_FALSE(takes_calls(one, "[\n{\"name\": \"fin\", \"arguments\": {}}\n]"));
  EXPECT_FALSE(takes_calls(one, "I will call it. " + call));
  EXPECT_FALSE(takes_calls(one, ""));
}

class JsonConstraintTest : public testing::Test {
 protected:
  // The text that noise for logits makes under the constraint, and whether it came to an end.
  std::pair<std::string, bool> noise(const AnswerForm& form, uint64_t seed, size_t limit) {
    const int32_t stop = *tokenizer_.token_id("<|im_end|>");
    JsonConstraint constraint(std::make_shared<const AnswerForm>(form), order_, tokenizer_,
                              {&stop, 1});
    std::string text;
    std::mt19937 random(static_cast<uint32_t>(seed));
    for (size_t step = 0; step < limit; ++step) {
      std::vector<float> scores(static_cast<size_t>(tokenizer_.vocab_size()) + 5);
      for (float& score : scores) score = static_cast<float>(random() >> 8);
      constraint.edit(scores);
      const auto token =
          static_cast<int32_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
      if (token == stop) return {text, true};
      if (!form.calls()) {
        EXPECT_FALSE(tokenizer_.is_added(token));
      }
      text += tokenizer_.token_bytes(token);
      constraint.take(token);
    }
    return {text, false};
  }

  const text::Tokenizer tokenizer_ = text::Tokenizer::open(source_dir() / "models" / "nano");
  const TokenOrder order_{tokenizer_};
};

TEST_F(JsonConstraintTest, NoiseBecomesJsonThatConforms) {
  for (const char* text : kSchemas) {
    const JsonGrammar grammar = grammar_of(text);
    int ended = 0;
    for (uint64_t seed = 0; seed < 12; ++seed) {
      const auto [written, complete] = noise(AnswerForm(grammar), seed, 120);
      if (complete) {
        const Json value = Json::parse(written, nullptr, false);
        ASSERT_FALSE(value.is_discarded()) << text << "\n" << written;
        EXPECT_TRUE(conforms(value, Json::parse(text))) << text << "\n" << written;
        ++ended;
      } else {
        JsonState state(grammar);  // cut short: the beginning of such a text
        for (const char byte : written) ASSERT_TRUE(state.push(static_cast<uint8_t>(byte)));
      }
    }
    EXPECT_GT(ended, 0) << text;
  }
}

TEST_F(JsonConstraintTest, NoiseBecomesCallsOfTools) {
  int ended = 0, calls = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto [written, complete] = noise(two_tools(true), seed, 200);
    EXPECT_TRUE(written.starts_with("<tool_call>\n{\"name\": \"find")) << written;
    if (!complete) continue;
    ++ended;
    text::ChatReader reader({.tools = true, .stops = {}});
    text::ChatPiece all = reader.push(written);
    const text::ChatPiece rest = reader.finish();
    EXPECT_EQ(all.content + rest.content, "") << written;
    for (const text::ToolCall& call : all.calls) {
      ++calls;
      const Json arguments = Json::parse(call.arguments);
      EXPECT_TRUE(call.name == "finder" || arguments.at("n").is_number_integer()) << written;
    }
  }
  EXPECT_GT(ended, 5);
  EXPECT_GE(calls, ended);
}

// Token by token: what the walk over the sorted vocabulary lets through is what the grammar does.
TEST_F(JsonConstraintTest, AllowsExactlyTheTokensThatTheGrammarDoes) {
  const JsonGrammar grammar = grammar_of(kSchemas[7]);
  for (const char* begin :
       {"", "{", "{\"", "{\"l", "{\"label\": \"x", "{\"start\": 1", "{\"start\"",
        "{\"start\": 1, \"end\": 2", "{\"start\": 1, \"end\": 2}"}) {
    const int32_t stop = *tokenizer_.token_id("<|im_end|>");
    JsonConstraint constraint(std::make_shared<const AnswerForm>(grammar), order_, tokenizer_,
                              {&stop, 1});
    JsonState state(grammar);
    for (const char byte : std::string_view(begin)) {
      constraint.take(*tokenizer_.token_id(std::string_view(&byte, 1)));
      ASSERT_TRUE(state.push(static_cast<uint8_t>(byte)));
    }
    std::vector<float> scores(static_cast<size_t>(tokenizer_.vocab_size()), 1);
    constraint.edit(scores);
    for (int32_t id = 0; id < tokenizer_.vocab_size(); ++id) {
      JsonState after = state;
      bool expected = !tokenizer_.is_added(id) && !tokenizer_.token_bytes(id).empty();
      for (const char byte : tokenizer_.token_bytes(id)) {
        expected = expected && after.push(static_cast<uint8_t>(byte));
      }
      if (id == stop) expected = state.complete();
      EXPECT_EQ(scores[static_cast<size_t>(id)] > 0, expected)
          << begin << " then " << tokenizer_.token_bytes(id);
    }
  }
}

TEST_F(JsonConstraintTest, WaitsForTheEndOfThoughts) {
  const int32_t stop = *tokenizer_.token_id("<|im_end|>");
  const int32_t close = *tokenizer_.token_id("</think>");
  const int32_t word = *tokenizer_.token_id("a");
  JsonConstraint constraint(std::make_shared<const AnswerForm>(JsonGrammar::any_object()), order_,
                            tokenizer_, {&stop, 1}, close);
  std::vector<float> scores(static_cast<size_t>(tokenizer_.vocab_size()), 1);
  constraint.take(word);
  constraint.edit(scores);
  EXPECT_EQ(scores[static_cast<size_t>(word)], 1);
  constraint.take(close);
  constraint.edit(scores);
  EXPECT_LT(scores[static_cast<size_t>(word)], 0);
  EXPECT_EQ(scores[static_cast<size_t>(*tokenizer_.token_id("{"))], 1);
}

}  // namespace
}  // namespace shijian::guided
