// What the describe command is given, in the chat template's terms.
#pragma once

#include <string>
#include <vector>

#include "engine/media.h"
#include "text/chat_template.h"

namespace shijian::engine {

// The pieces of a prompt around "<video>" and "<image>", which name `files` in order; without such
// names all files come first. Error(kUsage) when names and files do not agree.
std::vector<text::Part> place_media(const std::string& prompt, const std::vector<MediaFile>& files);

// The messages of a chat that is one user's turn: place_media() after an optional system message.
// Error(kUsage) for an empty prompt.
std::vector<text::Message> one_turn(const std::string& system, const std::string& prompt,
                                    const std::vector<MediaFile>& files);

// The tools of a JSON array, each as JSON text; none for an empty string. Error(kUsage) for
// anything else.
std::vector<std::string> split_tools(const std::string& tools_json);

}  // namespace shijian::engine
