// What the program says on standard error, in the language of who runs it.
#pragma once

#include <string_view>

namespace shijian::app {

// "shijian: open movie.mp4: …" and, unless it is empty, "  hint: …" on a line of its own.
void say(std::string_view message, std::string_view hint = {});

}  // namespace shijian::app
