// The chat templates of the Qwen3-VL family, rendered natively: no Jinja is run.
//
// A template is recognised by its text (white space and comments aside), one of the official
// Instruct or Thinking templates or an equivalent; an unknown one is an error, never a guess.
// The result keeps apart what the template says (control tokens count) and what people wrote
// (nothing in it may become a control token); see Tokenizer::encode for the two kinds of runs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shijian::text {

struct Part {
  enum class Kind { kText, kImage, kVideo };
  Kind kind = Kind::kText;
  std::string text;   // of kText
  int64_t index = 0;  // of kImage and kVideo: which one, as the caller counts
};

struct ToolCall {
  std::string name;
  std::string arguments;  // JSON text, put in as it is; see template_json
};

struct Message {
  std::string role;         // "system" (first only, for Instruct), "user", "assistant" or "tool"
  std::vector<Part> parts;  // images and videos in user and tool messages alone
  std::vector<ToolCall> tool_calls;  // of an assistant
  std::string reasoning;  // of an assistant; where empty, Thinking looks for </think> in the text
};

struct Segment {
  enum class Kind { kControl, kUser, kImage, kVideo };
  Kind kind = Kind::kControl;
  std::string text;   // of kControl (encode with kParse) and kUser (encode with kAsText)
  int64_t index = 0;  // of kImage and kVideo; the segment stands for the template's
                      // <|vision_start|><|image_pad|><|vision_end|>, both ends included

  bool operator==(const Segment&) const = default;
};

struct ChatOptions {
  bool add_generation_prompt = true;
  bool add_vision_id = false;  // "Picture 1: ", "Video 1: " before each
};

class ChatTemplate {
 public:
  enum class Kind { kInstruct, kThinking };

  // Reads chat_template.jinja, else chat_template.json, else tokenizer_config.json, as the
  // references do. Throws Error: kNotFound without any, kUnsupported for an unknown template.
  static ChatTemplate open(const std::filesystem::path& directory);
  static ChatTemplate recognise(std::string_view jinja, std::string_view file);

  Kind kind() const { return kind_; }
  // The generation prompt already opened <think>: output is reasoning up to </think>.
  bool opens_thinking() const { return kind_ == Kind::kThinking; }

  // `tools`: the JSON text of each tool's object, as the API has it. Adjacent segments of one
  // kind of text are joined. Throws Error(kUsage) for messages that the template cannot express.
  std::vector<Segment> render(std::span<const Message> messages,
                              std::span<const std::string> tools = {},
                              const ChatOptions& options = {}) const;

 private:
  explicit ChatTemplate(Kind kind) : kind_(kind) {}
  Kind kind_;
};

// JSON as the templates' `tojson` prints it: ", " and ": " between, keys in their order, other
// than ASCII as it is, numbers as Python does. Throws Error(kInvalid) for what is not JSON.
std::string template_json(std::string_view json);

}  // namespace shijian::text
