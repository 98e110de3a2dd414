#include "engine/chat_parts.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "base/json.h"

namespace shijian::engine {
namespace {

// A prompt cut at "<video>" and "<image>".
struct CutPrompt {
  std::vector<std::string_view> texts;  // one more than the names between them
  std::vector<bool> names_image;
};

CutPrompt cut_at_names(std::string_view prompt) {
  CutPrompt cut;
  for (;;) {
    const size_t video = prompt.find("<video>");
    const size_t image = prompt.find("<image>");
    const size_t next = std::min(video, image);
    cut.texts.push_back(prompt.substr(0, next));
    if (next == std::string_view::npos) return cut;
    cut.names_image.push_back(image < video);
    prompt.remove_prefix(next + std::string_view("<video>").size());
  }
}

bool fits(const std::vector<bool>& names_image, const std::vector<MediaFile>& files) {
  return std::equal(names_image.begin(), names_image.end(), files.begin(), files.end(),
                    [](bool is_image, const MediaFile& file) { return file.is_image == is_image; });
}

}  // namespace

std::vector<text::Part> place_media(const std::string& prompt,
                                    const std::vector<MediaFile>& files) {
  const CutPrompt cut = cut_at_names(prompt);
  std::vector<text::Part> parts;
  const auto add_text = [&](std::string_view text) {
    if (!text.empty()) parts.push_back({text::Part::Kind::kText, std::string(text), 0});
  };
  const auto add_media = [&](size_t i) {
    const auto kind = files[i].is_image ? text::Part::Kind::kImage : text::Part::Kind::kVideo;
    parts.push_back({kind, {}, static_cast<int64_t>(i)});
  };
  if (cut.names_image.empty()) {
    for (size_t i = 0; i < files.size(); ++i) add_media(i);
    add_text(prompt);
    return parts;
  }
  if (!fits(cut.names_image, files)) {
    throw Error(ErrorCode::kUsage,
                "prompt: it names {} videos and images, and {} files of other kinds or "
                "order were given"_text(cut.names_image.size(), files.size()),
                "give each <video> and <image> its file, in the same order"_text);
  }
  for (size_t i = 0; i < cut.texts.size(); ++i) {
    add_text(cut.texts[i]);
    if (i < files.size()) add_media(i);
  }
  return parts;
}

std::vector<text::Message> one_turn(const std::string& system, const std::string& prompt,
                                    const std::vector<MediaFile>& files) {
  if (prompt.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw Error(ErrorCode::kUsage, "prompt: it is empty"_text, "say what you want to know"_text);
  }
  std::vector<text::Message> messages;
  if (!system.empty())
    messages.push_back({"system", {{text::Part::Kind::kText, system, 0}}, {}, {}});
  messages.push_back({"user", place_media(prompt, files), {}, {}});
  return messages;
}

std::vector<std::string> split_tools(const std::string& tools_json) {
  std::vector<std::string> tools;
  if (tools_json.empty()) return tools;
  // Ordered: the model reads the keys in the order the caller wrote them.
  const OrderedJson parsed = OrderedJson::parse(tools_json, nullptr, false);
  if (!parsed.is_array()) {
    throw Error(ErrorCode::kUsage, "tools: not a JSON array of function signatures"_text,
                "write [{\"type\": \"function\", \"function\": {\"name\": …}}]"_text);
  }
  for (const auto& tool : parsed) tools.push_back(tool.dump());
  return tools;
}

}  // namespace shijian::engine
