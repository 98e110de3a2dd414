// The text of a chat's answer, read as it comes: thoughts, words and calls of tools.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/chat_template.h"

namespace shijian::text {

struct ChatReading {
  // The generation prompt ended inside <think>, so that the text begins with thoughts.
  bool starts_in_thought = false;
  bool tools = false;              // <tool_call> blocks are calls; otherwise they are words
  bool one_call = false;           // the answer ends with its first call
  std::vector<std::string> stops;  // what ends the answer's words, itself left out; none is empty
};

// Output that later text cannot change.
struct ChatPiece {
  std::string reasoning;
  std::string content;
  std::vector<ToolCall> calls;  // complete ones
};

// Thoughts and words come without the blanks around them. What may be the beginning of a mark is
// held back until it is known; a block that is no call of a tool stays among the words as it is.
class ChatReader {
 public:
  explicit ChatReader(ChatReading reading);

  ChatPiece push(std::string_view text);
  ChatPiece finish();  // what was held back; no text comes after it
  // The answer is over, whatever else the model would say: what comes now is dropped.
  bool ended() const { return section_ == Section::kEnded; }

 private:
  enum class Section { kStart, kThought, kWords, kCall, kEnded };

  bool step(ChatPiece& piece, bool last);
  bool begin(bool last);
  bool think(ChatPiece& piece, bool last);
  bool speak(ChatPiece& piece, bool last);
  bool call(ChatPiece& piece, bool last);
  void say(std::string_view text, std::string& out);
  void go(Section section, size_t used);

  const ChatReading reading_;
  Section section_;
  std::string text_;       // not dealt with yet
  std::string blanks_;     // after what was said last, if more follows
  bool speaking_ = false;  // something was said in this section
};

}  // namespace shijian::text
