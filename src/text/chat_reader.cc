#include "text/chat_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace shijian::text {
namespace {

constexpr std::string_view kThink = "<think>", kThinkEnd = "</think>";
constexpr std::string_view kCall = "<tool_call>", kCallEnd = "</tool_call>";
constexpr std::string_view kBlanks = " \t\r\n";

// Bytes at the end of `text` that may be the beginning of `mark`.
size_t held_for(std::string_view text, std::string_view mark) {
  for (size_t size = std::min(text.size(), mark.size() - 1); size > 0; --size) {
    if (text.ends_with(mark.substr(0, size))) return size;
  }
  return 0;
}

// {"name": ..., "arguments": {...}}
std::optional<ToolCall> parse_call(std::string_view text) {
  OrderedJson json;
  try {
    json = parse_ordered_json(text, "a call"_text);
  } catch (const Error&) {
    return std::nullopt;
  }
  if (!json.is_object()) return std::nullopt;
  const auto name = json.find("name");
  if (name == json.end() || !name->is_string()) return std::nullopt;
  ToolCall call{name->get<std::string>(), "{}"};
  if (const auto arguments = json.find("arguments"); arguments != json.end()) {
    if (!arguments->is_object()) return std::nullopt;
    call.arguments = arguments->dump();
  }
  return call;
}

}  // namespace

ChatReader::ChatReader(ChatReading reading)
    : reading_(std::move(reading)),
      section_(reading_.starts_in_thought ? Section::kThought : Section::kStart) {}

ChatPiece ChatReader::push(std::string_view text) {
  ChatPiece piece;
  text_ += text;
  while (step(piece, false)) {
  }
  return piece;
}

ChatPiece ChatReader::finish() {
  ChatPiece piece;
  while (step(piece, true)) {
  }
  return piece;
}

// Deals with the text up to the next mark; false when there is no more to do. `last`: no more text
// comes, so that nothing is held back.
bool ChatReader::step(ChatPiece& piece, bool last) {
  switch (section_) {
    case Section::kStart:
      return begin(last);
    case Section::kThought:
      return think(piece, last);
    case Section::kWords:
      return speak(piece, last);
    case Section::kCall:
      return call(piece, last);
    case Section::kEnded:
      text_.clear();
  }
  return false;
}

void ChatReader::go(Section section, size_t used) {
  text_.erase(0, used);
  // Between words and a call the same answer goes on; thoughts are apart.
  if (section_ == Section::kThought) speaking_ = false;
  blanks_.clear();
  section_ = section;
}

// Some models open their thoughts themselves.
bool ChatReader::begin(bool last) {
  const size_t first = std::min(text_.find_first_not_of(kBlanks), text_.size());
  const std::string_view rest = std::string_view(text_).substr(first);
  if (rest.starts_with(kThink)) {
    go(Section::kThought, first + kThink.size());
  } else if (!last && kThink.starts_with(rest)) {
    return false;
  } else {
    go(Section::kWords, 0);
  }
  return true;
}

bool ChatReader::think(ChatPiece& piece, bool last) {
  const size_t end = text_.find(kThinkEnd);
  if (end != std::string::npos) {
    say(std::string_view(text_).substr(0, end), piece.reasoning);
    go(Section::kWords, end + kThinkEnd.size());
    return true;
  }
  const size_t known = text_.size() - (last ? 0 : held_for(text_, kThinkEnd));
  say(std::string_view(text_).substr(0, known), piece.reasoning);
  text_.erase(0, known);
  return false;
}

bool ChatReader::speak(ChatPiece& piece, bool last) {
  size_t end = std::string::npos, held = 0;
  Section next = Section::kEnded;
  const auto look_for = [&](std::string_view mark, Section section) {
    const size_t at = text_.find(mark);
    if (at < end) {
      end = at;
      next = section;
    }
    if (!last) held = std::max(held, held_for(text_, mark));
  };
  for (const std::string& stop : reading_.stops) look_for(stop, Section::kEnded);
  if (reading_.tools) look_for(kCall, Section::kCall);
  if (end != std::string::npos) {
    say(std::string_view(text_).substr(0, end), piece.content);
    go(next, end);
    return true;
  }
  const size_t known = text_.size() - held;
  say(std::string_view(text_).substr(0, known), piece.content);
  text_.erase(0, known);
  return false;
}

// The text begins with <tool_call>.
bool ChatReader::call(ChatPiece& piece, bool last) {
  const size_t end = text_.find(kCallEnd);
  if (end == std::string::npos && !last) return false;
  const std::string_view text = text_;
  const size_t used = end == std::string::npos ? text.size() : end + kCallEnd.size();
  const std::string_view inside = text.substr(0, end).substr(kCall.size());
  if (auto call = parse_call(inside)) {
    piece.calls.push_back(*std::move(call));
    go(reading_.one_call ? Section::kEnded : Section::kWords, used);
  } else {
    say(text.substr(0, used), piece.content);
    go(Section::kWords, used);
  }
  return true;
}

void ChatReader::say(std::string_view text, std::string& out) {
  if (!speaking_) text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  const size_t words = text.find_last_not_of(kBlanks) + 1;  // 0: blanks alone
  if (words > 0) {
    out += blanks_;
    out += text.substr(0, words);
    blanks_.clear();
    speaking_ = true;
  }
  blanks_ += text.substr(words);
}

}  // namespace shijian::text
