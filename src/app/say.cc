#include "app/say.h"

#include <fmt/format.h>

#include <cstdio>

#include "i18n/chinese.h"

namespace shijian::app {

void say(std::string_view message, std::string_view hint) {
  fmt::print(stderr, "shijian: {}\n", i18n::for_reader(message));
  if (!hint.empty()) fmt::print(stderr, "  {}: {}\n", i18n::for_reader("hint"), i18n::for_reader(hint));
}

}  // namespace shijian::app
