#include "text/chat_reader.h"

#include <gtest/gtest.h>

namespace shijian::text {
namespace {

// "reasoning|content|name(arguments)…" of an answer that comes in pieces of that many bytes.
std::string read(const ChatReading& reading, std::string_view text, size_t bytes) {
  ChatReader reader(reading);
  std::string reasoning, content, calls;
  const auto take = [&](const ChatPiece& piece) {
    reasoning += piece.reasoning;
    content += piece.content;
    for (const ToolCall& call : piece.calls) calls += call.name + "(" + call.arguments + ")";
  };
  for (size_t at = 0; at < text.size(); at += bytes) take(reader.push(text.substr(at, bytes)));
  take(reader.finish());
  return reasoning + "|" + content + "|" + calls;
}

// The same however the text is cut.
void expect_read(const ChatReading& reading, std::string_view text, const std::string& expected) {
  for (const size_t bytes : {1, 2, 3, 7, 1000}) {
    EXPECT_EQ(read(reading, text, bytes), expected) << bytes << " bytes a piece of " << text;
  }
}

constexpr std::string_view kWeather =
    "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"z\": 1, \"city\": \"Köln\"}}\n"
    "</tool_call>";

TEST(ChatReader, WordsComeWithoutTheBlanksAroundThem) {
  expect_read({}, "\n A cat,  \n\nasleep. \n", "|A cat,  \n\nasleep.|");
  expect_read({}, " \n", "||");
  expect_read({}, "a < b <thinking", "|a < b <thinking|");
}

TEST(ChatReader, ThoughtsAreApart) {
  ChatReading opened;
  opened.starts_in_thought = true;
  expect_read(opened, "\nA cat?\n</think>\n\nYes.", "A cat?|Yes.|");
  expect_read(opened, "Never done </thin", "Never done </thin||");
  expect_read({}, "<think>\nA cat?\n</think>\n\nYes. </think>", "A cat?|Yes. </think>|");
}

TEST(ChatReader, CallsOfTools) {
  ChatReading tools;
  tools.tools = true;
  const std::string call = "weather({\"z\":1,\"city\":\"Köln\"})";
  expect_read(tools, kWeather, "||" + call);
  expect_read(tools, "I look.\n" + std::string(kWeather) + "\n" + std::string(kWeather) + "\n",
              "|I look.|" + call + call);
  expect_read(tools, kWeather.substr(0, kWeather.size() - 13), "||" + call);  // no closing tag
  // What is no call stays as it was written.
  expect_read(tools, "<tool_call>\n{oops\n</tool_call> so",
              "|<tool_call>\n{oops\n</tool_call> so|");
  expect_read(tools, "<tool_call>{\"name\": 3}</tool_call>",
              "|<tool_call>{\"name\": 3}</tool_call>|");
  expect_read(tools, "<tool_call>{\"name\": \"f\"", "|<tool_call>{\"name\": \"f\"|");
  expect_read({}, kWeather, "|" + std::string(kWeather) + "|");
  tools.one_call = true;
  expect_read(tools, std::string(kWeather) + std::string(kWeather) + "more", "||" + call);
}

TEST(ChatReader, StopsEndTheWords) {
  ChatReading stops;
  stops.stops = {"END", "。"};
  expect_read(stops, "one EN two END three", "|one EN two|");
  expect_read(stops, "一。二", "|一|");
  expect_read(stops, "one EN", "|one EN|");
  stops.starts_in_thought = true;
  expect_read(stops, "END?</think>yes END no", "END?|yes|");
  ChatReader reader({.stops = {"x"}});
  EXPECT_FALSE(reader.ended());
  reader.push("ab");
  reader.push("xc");
  EXPECT_TRUE(reader.ended());
}

}  // namespace
}  // namespace shijian::text
