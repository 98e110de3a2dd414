#include "text/chat_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"

namespace shijian::text {
namespace {

namespace fs = std::filesystem;
using Kind = Segment::Kind;

constexpr size_t kMaxTemplate = size_t{1} << 20;

struct Known {
  std::string_view hash;  // of the template without white space and comments
  ChatTemplate::Kind kind;
};
constexpr Known kKnown[] = {
    {"9ac0f56bf0ef393780a694a75ba1539a", ChatTemplate::Kind::kInstruct},  // Qwen3-VL-*-Instruct
    {"06c394e02a500783fd14386fc419bf1f", ChatTemplate::Kind::kThinking},  // Qwen3-VL-*-Thinking
    {"30602f460fc8117ba37178a5e92aa9e7",
     ChatTemplate::Kind::kInstruct},  // tests/reference/text/templates
    {"464ef3bec5788a0b0221a59435ccc8fb", ChatTemplate::Kind::kThinking},
};

std::string essence(std::string_view jinja) {
  std::string out;
  while (!jinja.empty()) {
    if (jinja.starts_with("{#")) {
      const size_t end = jinja.find("#}");
      jinja.remove_prefix(end == std::string_view::npos ? jinja.size() : end + 2);
      continue;
    }
    const char c = jinja.front();
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') out += c;
    jinja.remove_prefix(1);
  }
  return out;
}

// The template that a JSON file holds: a string, or the one named "default" of a list.
std::optional<std::string> template_in(const fs::path& path) {
  const Json root = read_json_file(path);
  const auto found = root.is_object() ? root.find("chat_template") : root.end();
  if (!root.is_object() || found == root.end() || found->is_null()) return std::nullopt;
  if (found->is_string()) return found->get<std::string>();
  if (found->is_array()) {
    for (const Json& entry : *found) {
      if (entry.is_object() && entry.value("name", Json()) == "default" &&
          entry.contains("template") && entry["template"].is_string()) {
        return entry["template"].get<std::string>();
      }
    }
  }
  throw Error(ErrorCode::kInvalid, "read {}: chat_template is not a template"_text(path.string()),
              "use the file as the model's repository has it"_text);
}

std::string_view strip(std::string_view text, bool left, bool right) {
  while (left && text.starts_with('\n')) text.remove_prefix(1);
  while (right && text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

// What the message says; an image or a video counts as one character that no text holds.
std::string text_of(const Message& message) {
  std::string out;
  for (const Part& part : message.parts) {
    if (part.kind == Part::Kind::kText) {
      out += part.text;
    } else {
      out += '\0';
    }
  }
  return out;
}

class Renderer {
 public:
  Renderer(ChatTemplate::Kind kind, std::span<const Message> messages, const ChatOptions& options)
      : thinking_(kind == ChatTemplate::Kind::kThinking), messages_(messages), options_(options) {}

  std::vector<Segment> render(std::span<const std::string> tools) {
    check();
    head(tools);
    const size_t question = last_question();
    for (size_t i = 0; i < messages_.size(); ++i) {
      const Message& message = messages_[i];
      if (message.role == "assistant") {
        assistant(message, i > question, i + 1 == messages_.size());
      } else if (message.role == "tool") {
        tool(i);
      } else if (message.role == "user" || i > 0) {
        control("<|im_start|>" + message.role + "\n");
        content(message);
        control("<|im_end|>\n");
      }
    }
    if (options_.add_generation_prompt) {
      control(thinking_ ? "<|im_start|>assistant\n<think>\n" : "<|im_start|>assistant\n");
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] static void fail(size_t index, const Text& what) {
    throw Error(ErrorCode::kUsage, "render chat: message {} {}"_text(index, what));
  }

  void check() const {
    if (messages_.empty()) throw Error(ErrorCode::kUsage, "render chat: there is no message"_text);
    for (size_t i = 0; i < messages_.size(); ++i) {
      const Message& message = messages_[i];
      const bool seeing = message.role == "user" || message.role == "tool";
      if (!seeing && message.role != "system" && message.role != "assistant") {
        fail(i, "has another role than system, user, assistant or tool"_text);
      }
      if (message.role == "system" && i > 0 && !thinking_) {
        fail(i, "is a system message, which this model takes first alone"_text);
      }
      for (const Part& part : message.parts) {
        if (part.kind != Part::Kind::kText && !seeing) {
          fail(i, "of the {} holds an image or a video"_text(message.role));
        }
      }
    }
  }

  void add(Kind kind, std::string_view text) {
    if (text.empty()) return;
    if (out_.empty() || out_.back().kind != kind) out_.push_back({kind, {}, 0});
    out_.back().text += text;
  }
  void control(std::string_view text) { add(Kind::kControl, text); }
  void user(std::string_view text) { add(Kind::kUser, text); }

  void content(const Message& message) {
    for (const Part& part : message.parts) {
      if (part.kind == Part::Kind::kText) {
        user(part.text);
        continue;
      }
      const bool image = part.kind == Part::Kind::kImage;
      const int count = ++(image ? images_ : videos_);
      if (options_.add_vision_id) {
        control(fmt::format("{} {}: ", image ? "Picture" : "Video", count));
      }
      out_.push_back({image ? Kind::kImage : Kind::kVideo, {}, part.index});
    }
  }

  void head(std::span<const std::string> tools) {
    const bool system = messages_[0].role == "system";
    if (tools.empty() && !system) return;
    control("<|im_start|>system\n");
    if (system) content(messages_[0]);
    if (!tools.empty()) {
      if (system) control("\n\n");
      control(
          "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
          "You are provided with function signatures within <tools></tools> XML tags:\n<tools>");
      for (const std::string& tool : tools) {
        control("\n");
        user(template_json(tool));
      }
      control(
          "\n</tools>\n\nFor each function call, return a json object with function name and "
          "arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n"
          "{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>");
    }
    control("<|im_end|>\n");
  }

  // The last message of a user that is not the wrapped result of a tool; reasoning before it is
  // not shown again. The last message of all when there is none.
  size_t last_question() const {
    for (size_t i = messages_.size(); i-- > 0;) {
      if (messages_[i].role != "user") continue;
      const std::string text = text_of(messages_[i]);
      if (!text.starts_with("<tool_response>") || !text.ends_with("</tool_response>")) {
        return i;
      }
    }
    return messages_.size() - 1;
  }

  void assistant(const Message& message, bool after_question, bool last) {
    const std::string whole = text_of(message);
    std::string_view text = whole;
    std::string_view thought;
    if (thinking_) {
      constexpr std::string_view kOpen = "<think>", kClose = "</think>";
      const size_t close = text.find(kClose);
      if (!message.reasoning.empty()) {
        thought = message.reasoning;
      } else if (close != std::string_view::npos) {
        thought = strip(text.substr(0, close), false, true);
        const size_t open = thought.rfind(kOpen);
        if (open != std::string_view::npos) thought.remove_prefix(open + kOpen.size());
        thought = strip(thought, true, false);
        text = strip(text.substr(text.rfind(kClose) + kClose.size()), true, false);
      }
    }
    control("<|im_start|>assistant\n");
    if (thinking_ && after_question && (last || !thought.empty())) {
      control("<think>\n");
      user(strip(thought, true, true));
      control("\n</think>\n\n");
      user(strip(text, true, false));
    } else {
      user(text);
    }
    for (size_t i = 0; i < message.tool_calls.size(); ++i) {
      if (i > 0 || !text.empty()) control("\n");
      control("<tool_call>\n{\"name\": \"");
      user(message.tool_calls[i].name);
      control("\", \"arguments\": ");
      user(message.tool_calls[i].arguments);
      control("}\n</tool_call>");
    }
    control("<|im_end|>\n");
  }

  // Results that follow each other share one turn.
  void tool(size_t i) {
    if (i == 0 || messages_[i - 1].role != "tool") control("<|im_start|>user");
    control("\n<tool_response>\n");
    content(messages_[i]);
    control("\n</tool_response>");
    if (i + 1 == messages_.size() || messages_[i + 1].role != "tool") control("<|im_end|>\n");
  }

  const bool thinking_;
  std::span<const Message> messages_;
  const ChatOptions& options_;
  std::vector<Segment> out_;
  int images_ = 0;
  int videos_ = 0;
};

}  // namespace

ChatTemplate ChatTemplate::open(const fs::path& directory) {
  std::error_code ignored;
  const fs::path jinja = directory / "chat_template.jinja";
  if (fs::exists(jinja, ignored)) return recognise(read_file(jinja, kMaxTemplate), jinja.string());
  for (const char* name : {"chat_template.json", "tokenizer_config.json"}) {
    const fs::path path = directory / name;
    if (!fs::exists(path, ignored)) continue;
    if (const auto text = template_in(path)) return recognise(*text, path.string());
  }
  throw Error(
      ErrorCode::kNotFound,
      "open chat template {}: it holds no chat_template.jinja or .json"_text(directory.string()),
      "copy chat_template.json from the model's repository"_text);
}

ChatTemplate ChatTemplate::recognise(std::string_view jinja, std::string_view file) {
  const std::string text = essence(jinja);
  const std::string hash = content_hash(std::as_bytes(std::span(text)));
  for (const Known& known : kKnown) {
    if (hash == known.hash) return ChatTemplate(known.kind);
  }
  throw Error(
      ErrorCode::kUnsupported,
      "read {}: the chat template is not one that this program knows (it has "
      "{} bytes, hash {})"_text(file, jinja.size(), hash),
      "use chat_template.json of Qwen3-VL Instruct or Thinking, whichever the model is"_text);
}

std::vector<Segment> ChatTemplate::render(std::span<const Message> messages,
                                          std::span<const std::string> tools,
                                          const ChatOptions& options) const {
  return Renderer(kind_, messages, options).render(tools);
}

}  // namespace shijian::text
