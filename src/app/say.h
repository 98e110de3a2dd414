// What the program says on standard error, in the language of who runs it.
#pragma once

#include "base/text.h"

namespace shijian::app {

// "shijian: open movie.mp4: …" and, unless it is empty, "  hint: …" on a line of its own.
void say(const Text& message, const Text& hint = {});

}  // namespace shijian::app
