#include "engine/chat_parts.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "base/json.h"

namespace shijian::engine {

std::vector<text::Part> place_media(const std::string& prompt, const std::vector<MediaFile>& files) {
  std::vector<text::Part> parts;
  const auto add_text = [&](std::string_view text) {
    if (!text.empty()) parts.push_back({text::Part::Kind::kText, std::string(text), 0});
  };
  const auto add_media = [&](size_t i) {
    parts.push_back(
        {files[i].is_image ? text::Part::Kind::kImage : text::Part::Kind::kVideo, {}, static_cast<int64_t>(i)});
  };
  std::vector<std::string_view> texts;
  std::vector<bool> names_image;
  std::string_view rest = prompt;
  for (;;) {
    const size_t video = rest.find("<video>");
    const size_t image = rest.find("<image>");
    const size_t next = std::min(video, image);
    texts.push_back(rest.substr(0, next));
    if (next == std::string_view::npos) break;
    names_image.push_back(image < video);
    rest.remove_prefix(next + std::string_view("<video>").size());
  }
  if (names_image.empty()) {
    for (size_t i = 0; i < files.size(); ++i) add_media(i);
    add_text(prompt);
    return parts;
  }
  bool fits = names_image.size() == files.size();
  for (size_t i = 0; fits && i < files.size(); ++i) fits = files[i].is_image == names_image[i];
  if (!fits) {
    throw Error(ErrorCode::kUsage,
                fmt::format("prompt: it names {} videos and images, and {} files of other kinds or "
                            "order were given",
                            names_image.size(), files.size()),
                "give each <video> and <image> its file, in the same order");
  }
  for (size_t i = 0; i < texts.size(); ++i) {
    add_text(texts[i]);
    if (i < files.size()) add_media(i);
  }
  return parts;
}

std::vector<text::Message> one_turn(const std::string& system, const std::string& prompt,
                              const std::vector<MediaFile>& files) {
  if (prompt.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw Error(ErrorCode::kUsage, "prompt: it is empty", "say what you want to know");
  }
  std::vector<text::Message> messages;
  if (!system.empty()) messages.push_back({"system", {{text::Part::Kind::kText, system, 0}}, {}, {}});
  messages.push_back({"user", place_media(prompt, files), {}, {}});
  return messages;
}

std::vector<std::string> split_tools(const std::string& tools_json) {
  std::vector<std::string> tools;
  if (tools_json.empty()) return tools;
  // Ordered: the model reads the keys in the order the caller wrote them.
  const OrderedJson parsed = OrderedJson::parse(tools_json, nullptr, false);
  if (!parsed.is_array()) {
    throw Error(ErrorCode::kUsage, "tools: not a JSON array of function signatures",
                "write [{\"type\": \"function\", \"function\": {\"name\": …}}]");
  }
  for (const auto& tool : parsed) tools.push_back(tool.dump());
  return tools;
}

}  // namespace shijian::engine
